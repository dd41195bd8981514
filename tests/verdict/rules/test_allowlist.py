"""`allowlist`: which hosts answer when the responder is silent."""

from __future__ import annotations

import pytest

from factories.checks.other_hosts import SILENT, hosts
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, ControlAttempt, Exchange, Facts, Plan, Reach
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import allowlist

PLAN = Plan((ArmPlan("webrtc", "dtls", "voice"),))
HOME = hosts("+", kind="domestic")
CASES: list[tuple[str, Reach, tuple[Exchange, ...], bool]] = [
    ("only the domestic one answers", SILENT, hosts("----") + HOME, True),
    ("some hosts are on the list", SILENT, hosts("++--"), True),
    ("one alone is silent", SILENT, hosts("+++-") + HOME, False),
    ("nobody answers", SILENT, hosts("----") + hosts("-", kind="domestic"), False),
    ("nobody was asked", SILENT, (), False),
    ("a page to log in at answers", SILENT, hosts("--p") + HOME, False),
    ("the server answers again", Reach("timeout", tcp_tries=3, again="connected"), hosts("---") + HOME, False),
    ("the server refuses", Reach("refused", tcp_tries=3), hosts("---") + HOME, False),
    (
        "a router knows that the server is off",
        Reach("timeout", tcp_tries=3, attempts=(ControlAttempt(443, "unroutable"),) * 3),
        hosts("---") + HOME,
        False,
    ),
]


@pytest.mark.parametrize(("case", "reach", "exchanges", "fits"), CASES, ids=[case[0] for case in CASES])
def test_it_fits(case: str, reach: Reach, exchanges: tuple[Exchange, ...], fits: bool) -> None:
    view = arm_view(Facts(PLAN, reach=reach, exchanges=exchanges), Arm("webrtc", "dtls", "voice"))
    assert (allowlist.explain(view) is not None) == fits
