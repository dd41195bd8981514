"""Compares a check's verdicts with those of a second test server in another network.

A server, or the way to it, may itself be what is blocked, and a server may lie. Where calls fare badly to one server, a
second one tells whether that is so elsewhere too. Each verdict stands by itself, with an error of its own: the second
check has its own key, seeds and roles.

The two e-values are joined by their product. A mean would be valid whatever they have in common; the product is, too,
here: each side of the second check draws its seed after the first check has ended, so under the hypothesis that nothing
on either way tells calls from twins, the second e-value is expected to be at most 1 whatever the first one was. That
the second server is asked because of the first result takes nothing away from that (optional continuation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from talkpath.verdict.model import FINDING_STATES, State, Verdict

OpinionAgreement = Literal["two_of_two", "one_of_two", "unknown"]
LATE_RULES: Final = ("media.freeze", "udp.freeze")  # calls that are well for some seconds say nothing against these


class SecondOpinion(Struct, frozen=True):
    """What a second test server says of one app and medium that the first found restricted, closed or unreachable.

    `agreement`: "two_of_two" where the second finds one of these states too, "one_of_two" where it finds calls ok (or
    no sign in the seconds that it had, and the first finding is not one that takes time), "unknown" where it could not
    tell. `log10_e` is that of both e-values together, None unless both are restricted.
    """

    app: str
    medium: str
    state: State
    second: State
    agreement: OpinionAgreement
    log10_e: float | None = None


def wants_second(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts that a second server should be asked about."""
    return [verdict for verdict in verdicts if verdict.state in FINDING_STATES and verdict.medium != "text"]


def second_opinions(first: Sequence[Verdict], second: Sequence[Verdict]) -> list[SecondOpinion]:
    """One opinion for each verdict of the first server that the second one was asked about."""
    found = {(verdict.app, verdict.medium): verdict for verdict in second}
    return [
        _join_opinions(verdict, found[verdict.app, verdict.medium])
        for verdict in wants_second(first)
        if (verdict.app, verdict.medium) in found
    ]


def _join_opinions(first: Verdict, second: Verdict) -> SecondOpinion:
    agreement: OpinionAgreement = "unknown"
    if second.state in FINDING_STATES:
        agreement = "two_of_two"
    elif second.state == "ok" or (
        second.reason is not None and second.reason.code == "watched_briefly" and first.rule not in LATE_RULES
    ):
        agreement = "one_of_two"
    both = first.state == second.state == "restricted"
    known = first.log10_e is not None and second.log10_e is not None
    return SecondOpinion(
        app=first.app,
        medium=first.medium,
        state=first.state,
        second=second.state,
        agreement=agreement,
        log10_e=(first.log10_e or 0.0) + (second.log10_e or 0.0) if both and known else None,
    )
