"""`address.block`: which hosts answer when a responder is silent that was just listed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factories.checks.other_hosts import LISTED, hosts
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, Exchange, Facts, Plan, Reach
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import address_block

PLAN = Plan((ArmPlan("webrtc", "dtls", "voice"),))
CASES: list[tuple[str, Reach, tuple[Exchange, ...], bool]] = [
    ("the others answer", LISTED, hosts("++++"), True),
    ("one of them is down", LISTED, hosts("+++-"), True),
    ("no list names it", replace(LISTED, listed_s=None), hosts("++++"), False),
    ("the list is old", replace(LISTED, listed_s=7201.0), hosts("++++"), False),
    ("one connection only", replace(LISTED, tcp_tries=1), hosts("++++"), False),
    ("nobody answers", LISTED, hosts("----"), False),
    ("nobody was asked", LISTED, (), False),
    ("several are silent", LISTED, hosts("++--"), False),
    ("refused by the host itself", replace(LISTED, control="refused"), hosts("++++"), False),
    ("it answers again", replace(LISTED, again="connected"), hosts("++++"), False),
]


@pytest.mark.parametrize(("case", "reach", "exchanges", "fits"), CASES, ids=[case[0] for case in CASES])
def test_it_fits(case: str, reach: Reach, exchanges: tuple[Exchange, ...], fits: bool) -> None:
    view = arm_view(Facts(PLAN, reach=reach, exchanges=exchanges), Arm("webrtc", "dtls", "voice"))
    assert (address_block.explain(view) is not None) == fits
