"""`address.block`: which hosts answer when the responder is silent."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, Exchange, Facts, Plan, Reach
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import address_block

PLAN = Plan((ArmPlan("webrtc", "dtls", "voice"),))
SILENT = Reach("timeout", "connected", tcp_tries=3)
ANSWERED, FAILED = (Exchange("telegram", "one", False, 0.0, ok) for ok in (True, False))
OTHER_FAILED = Exchange("signal", "two", False, 0.0, False)
NEUTRAL = Exchange("", "neutral", True, 0.0, True)
CASES: list[tuple[str, Reach, tuple[Exchange, ...], bool]] = [
    ("one connection only", Reach("timeout", "connected", tcp_tries=1), (), False),
    ("the reference answered", SILENT, (), True),
    ("the reference is silent too", Reach("timeout", "timeout", tcp_tries=3), (), False),
    ("only listed hosts answer", SILENT, (FAILED, OTHER_FAILED), False),
    ("hosts on no list answer", SILENT, (ANSWERED, OTHER_FAILED), True),
    ("refused by the host itself", Reach("refused", "connected"), (), False),
]


@pytest.mark.parametrize(("case", "reach", "exchanges", "fits"), CASES, ids=[case[0] for case in CASES])
def test_it_fits(case: str, reach: Reach, exchanges: tuple[Exchange, ...], fits: bool) -> None:
    view = arm_view(Facts(PLAN, reach=reach, exchanges=exchanges), Arm("webrtc", "dtls", "voice"))
    assert (address_block.explain(view) is not None) == fits
