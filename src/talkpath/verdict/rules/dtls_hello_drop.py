"""`dtls.hello_drop` (M05): the DTLS handshake of one implementation, or of all, is dropped.

STUN and media pass, the handshake between them does not. Calls with the ClientHello of other implementations show which
of them are dropped.
"""

from __future__ import annotations

from functools import partial

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.app_call import AppCall
from talkpath.apps.recorded.played import PlayedShape
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.model import Category
from talkpath.verdict.rules.rule import Fit, Parameter, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains
from talkpath.wire.control.question import HelloContrast, Question

PLAIN_HELLO, RECORDED_HELLO = "browser", "recorded"
OTHER_HELLOS: tuple[Question, ...] = (HelloContrast("openssl"), HelloContrast("pion"))
HELLO_MAKERS = ("telegram-1.2", "webrtc-1.2", "chromium-1.3", "firefox-1.3", "openssl", "pion")
"""As `apps.recorded.named_hellos` knows them."""


def hello_of(losses: DirectionLosses, plain: str = PLAIN_HELLO) -> str:
    """Return whose ClientHello the epoch imitated; `plain` where no other was asked for."""
    return losses.question.hello if isinstance(losses.question, HelloContrast) else plain


def named_contrasts(view: ArmView) -> tuple[Question, ...]:
    """Return the hellos that tell what a filter looks for: of recorded calls their own from the other end, then others'
    from the same end, and one with a cookie."""
    if not _is_recorded(view):
        return OTHER_HELLOS
    first = {
        direction: track.at_ms[track.stage.index("dtls")]
        for epoch in view.epochs[:1]
        for direction, track in (("up", epoch.up), ("down", epoch.down))
        if "dtls" in track.stage
    }
    own = min(first, key=lambda direction: first[direction], default="up")
    other = "down" if own == "up" else "up"
    codes = (f"own/{other}", *(f"{name}/{own}" for name in HELLO_MAKERS), f"pion/{own}/cookie")
    return tuple(map(HelloContrast, codes))


def _is_recorded(view: ArmView) -> bool:
    """Whether the arm's calls are those of a recording, with a ClientHello of their own."""
    arms = {epoch.arm for epoch in view.epochs}
    return any(arm.is_recorded or isinstance(shapes().get(arm), PlayedShape | AppCall) for arm in arms)


def explain(view: ArmView) -> Fit | None:
    """Fit if the ClientHello of each implementation is either dropped or passes."""
    plain = RECORDED_HELLO if _is_recorded(view) else PLAIN_HELLO
    makers = dict.fromkeys(hello_of(losses, plain) for losses in view.losses)
    gains = {maker: stage_gains(view, ("dtls",), partial(_sent_by, maker, plain)) for maker in makers}
    dead = {maker: sum(max(0.0, gain) for gain in found.values()) for maker, found in gains.items()}
    dead = {maker: gain for maker, gain in dead.items() if gain > 0.0}
    if not dead:
        return None
    tested = [maker for maker, found in gains.items() if found]
    hit: list[Direction] = sorted(
        {direction for found in gains.values() for direction, gain in found.items() if gain > 0.0}
    )
    return Fit(
        sum(dead.values()),
        hit[0] if len(hit) == 1 else "both",
        lambda: {"hello": Category("any" if len(dead) == len(tested) > 1 else ",".join(sorted(dead)))},
        tuple(contrast for contrast in named_contrasts(view) if not view.asked(contrast)),
    )


def _sent_by(maker: str, plain: str, losses: DirectionLosses) -> bool:
    return hello_of(losses, plain) == maker


RULE = Rule(
    id="dtls.hello_drop",
    state="restricted",
    mechanisms=("M05",),
    means="The DTLS handshake of calls is dropped; the call connects and stays silent.",
    shown_by="DTLS messages of calls vanish, those of their twins pass, and so do STUN and media of the same calls.",
    explain=explain,
    parameters=(
        Parameter(
            "hello",
            "",
            'whose ClientHello dies: "browser", "openssl", "pion"; of calls like recorded ones "recorded" (their own), '
            '"own/down" (their own from the other end), or a name, its direction and perhaps that the server asks for '
            'a cookie first, as "telegram-1.2/up" or "pion/up/cookie"; "any" where all that were sent do',
        ),
    ),
    contrasts=OTHER_HELLOS,
)
