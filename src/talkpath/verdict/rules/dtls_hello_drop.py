"""`dtls.hello_drop` (M05): the DTLS handshake of one maker, or of all, is dropped.

STUN passes and media pass, the handshake between them does not. Which ClientHello dies is found by sending others'.
"""

from __future__ import annotations

from talkpath.apps.contract.shape import Direction
from talkpath.verdict.flows.arm_view import Side, View
from talkpath.verdict.model import Category
from talkpath.verdict.rules.rule import Contrast, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains

PLAIN = "browser"  # the ClientHello of every epoch that does not ask for another
OTHERS: tuple[Contrast, ...] = (("hello", "openssl"), ("hello", "pion"))


def hello_of(side: Side) -> str:
    """Whose ClientHello the epoch sent."""
    return str(side.epoch.value) if side.question == "hello" else PLAIN


def explain(view: View) -> Fit | None:
    """Each maker's hello either dies or passes."""
    makers = dict.fromkeys(hello_of(side) for side in view.sides)
    gains = {maker: stage_gains(view, ("dtls",), lambda side, maker=maker: hello_of(side) == maker) for maker in makers}  # type: ignore[misc]
    dead = {maker: sum(max(0.0, gain) for gain in found.values()) for maker, found in gains.items()}
    dead = {maker: gain for maker, gain in dead.items() if gain > 0.0}
    if not dead:
        return None
    tested = [maker for maker, found in gains.items() if found]
    hit: list[Direction] = sorted({way for found in gains.values() for way, gain in found.items() if gain > 0.0})
    return Fit(
        sum(dead.values()),
        hit[0] if len(hit) == 1 else "both",
        lambda: _measure(list(dead), tested),
        tuple(contrast for contrast in OTHERS if not view.asked(*contrast)),
    )


def _measure(dead: list[str], tested: list[str]) -> Parameters:
    return {"hello": Category("any" if len(dead) == len(tested) > 1 else ",".join(sorted(dead)))}


RULE = Rule(
    "dtls.hello_drop",
    "restricted",
    ("M05",),
    "The DTLS handshake of calls is dropped; the call connects and stays silent.",
    "DTLS messages of calls vanish, those of their twins pass, and so do STUN and media of the same calls.",
    explain,
    (
        Parameter(
            "hello", "", 'whose ClientHello dies: "browser", "openssl", "pion", or "any" where all that were sent do'
        ),
    ),
    OTHERS,
)
