"""`dtls.hello_drop` (M05): the DTLS handshake of one implementation, or of all, is dropped.

STUN and media pass, the handshake between them does not. Calls with the ClientHello of other implementations show which
of them are dropped.
"""

from __future__ import annotations

from functools import partial

from talkpath.apps.contract.shape import Direction
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses
from talkpath.verdict.model import Category
from talkpath.verdict.rules.rule import Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains
from talkpath.wire.control.question import HelloContrast, Question

PLAIN_HELLO = "browser"  # the ClientHello of every epoch that asks for none
OTHER_HELLOS: tuple[Question, ...] = (HelloContrast("openssl"), HelloContrast("pion"))


def hello_of(losses: DirectionLosses) -> str:
    """Return whose ClientHello the epoch imitated."""
    return losses.question.hello if isinstance(losses.question, HelloContrast) else PLAIN_HELLO


def explain(view: ArmView) -> Fit | None:
    """Fit if the ClientHello of each implementation is either dropped or passes."""
    makers = dict.fromkeys(hello_of(losses) for losses in view.losses)
    gains = {maker: stage_gains(view, ("dtls",), partial(_sent_by, maker)) for maker in makers}
    dead = {maker: sum(max(0.0, gain) for gain in found.values()) for maker, found in gains.items()}
    dead = {maker: gain for maker, gain in dead.items() if gain > 0.0}
    if not dead:
        return None
    tested = [maker for maker, found in gains.items() if found]
    recorded = view.arm is not None and view.arm.is_recorded  # which has a ClientHello of its own, and no other
    hit: list[Direction] = sorted(
        {direction for found in gains.values() for direction, gain in found.items() if gain > 0.0}
    )
    return Fit(
        sum(dead.values()),
        hit[0] if len(hit) == 1 else "both",
        lambda: {"hello": Category("recorded")} if recorded else _dead_hellos(list(dead), tested),
        () if recorded else tuple(contrast for contrast in OTHER_HELLOS if not view.asked(contrast)),
    )


def _sent_by(maker: str, losses: DirectionLosses) -> bool:
    return hello_of(losses) == maker


def _dead_hellos(dead: list[str], tested: list[str]) -> Parameters:
    return {"hello": Category("any" if len(dead) == len(tested) > 1 else ",".join(sorted(dead)))}


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
            'whose ClientHello dies: "browser", "openssl", "pion", or "any" where all that were sent do, '
            '"recorded" of calls like a recorded one',
        ),
    ),
    contrasts=OTHER_HELLOS,
)
