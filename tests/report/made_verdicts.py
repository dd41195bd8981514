"""Verdicts of every kind, with all the figures that a real one has, for tests of what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

from msgspec.structs import replace

from talkpath.verdict.model import Category, Number, Reason, ReasonCode, State, Verdict

STATES: tuple[State, ...] = get_args(State)
REASONS: tuple[ReasonCode, ...] = get_args(ReasonCode)
MEDIA = ("voice", "video")

LOSSES = {
    "calls_lost_up": 0.31,
    "calls_lost_up_low": 0.268,
    "calls_lost_up_high": 0.352,
    "twins_lost_up": 0.01,
    "calls_lost_down": 0.02,
    "calls_lost_down_low": 0.0,
    "calls_lost_down_high": 0.04,
    "twins_lost_down": 0.03,
    "mos": 2.4,
}
"""A third of the calls' packets is lost on the way out, nearly nothing on the way back."""

PARAMETERS: dict[str, dict[str, Number | Category]] = {
    "media.drop": {"p": Number(0.3, 0.26, 0.34)},
    "media.police": {"kbps": Number(40.0, 35.0, 46.0)},
    "media.delay": {"ms": Number(180.0, 150.0, 210.0)},
    "media.size_drop": {"over": Number(1000.0, 1000.0, 1000.0)},
    "media.freeze": {"after_s": Number(5.0, 4.0, 6.0)},
    "port.block": {"port": Number(3478.0, None, None)},
}


def verdict(state: State = "restricted", app: str = "telegram", medium: Any = "voice", **more: Any) -> Verdict:
    """A verdict of that state on calls of the app."""
    usual: dict[str, Any] = {"figures": dict(LOSSES), "watched_s": 2.7, "decided_at_s": 8.1, "known_at_s": 6.4}
    if state == "restricted":
        usual |= {"rule": "media.drop", "direction": "up", "log10_e": 5.2, "parameters": PARAMETERS["media.drop"]}
    if state == "closed":
        usual |= {"rule": "udp.block", "direction": "both", "log10_e": 4.4}
    if state == "insufficient":
        usual |= {"reason": Reason("budget")}
    return Verdict(app=app, variant="", medium=medium, state=state, **usual | more)


def every_verdict() -> Iterator[Verdict]:
    """Each state, medium and basis; each reason; with figures and without."""
    for state, medium, basis in product(STATES, MEDIA, ("shape", "webrtc")):
        whole = verdict(state, medium=medium, basis=basis)
        yield whole
        yield replace(whole, figures={}, log10_e=None, parameters={}, confidence="low")
    for code, medium in product(REASONS, MEDIA):
        yield verdict("insufficient", medium=medium, reason=Reason(code))
        yield verdict("insufficient", medium=medium, reason=Reason(code), figures={})
    yield verdict("insufficient", reason=None)
    yield verdict("insufficient", reason=Reason("vpn", {"unanswered": True}))
    yield verdict("insufficient", reason=Reason("late", {"at": "responder"}))
