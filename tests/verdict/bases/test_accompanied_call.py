"""Control facts beside calls: what readers refuse, and the limits of what is said."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from talkpath.errors import BundleError
from talkpath.measure.call import Control, ControlFlow, ControlSecond, Findings
from talkpath.measure.decode import decode_findings
from talkpath.verdict.bases.accompanied_call import ControlShares

FLOW = ControlFlow(port=3478, sent_up=500, arrived_up=499, sent_down=500, arrived_down=500)
SECOND = ControlSecond(at_s=0, sent_up=150, arrived_up=150, sent_down=150, arrived_down=150, late_ms=1.0)
CONTROL = Control(begin_s=0.0, flows=(FLOW,) * 3, seconds=(SECOND, replace(SECOND, at_s=1)))
FINDINGS = Findings(packets=1, duration_s=2.0, unread={}, calls=(), attempts=(), controls=(CONTROL,))


def stored(findings: Findings) -> Findings:
    return decode_findings(msgspec.msgpack.encode(findings))


def test_findings_with_control_traffic_are_read_again_and_older_ones_too():
    assert stored(FINDINGS) == FINDINGS
    plain = replace(FINDINGS, controls=())
    assert b"controls" not in msgspec.msgpack.encode(plain), "recordings without it are stored as before"
    assert stored(plain) == plain


BAD = {
    "more arrived than was sent": replace(CONTROL, flows=(replace(FLOW, arrived_down=501),)),
    "in a second": replace(CONTROL, seconds=(replace(SECOND, arrived_up=151),)),
    "seconds out of order": replace(CONTROL, seconds=(replace(SECOND, at_s=1), SECOND)),
    "a second twice": replace(CONTROL, seconds=(SECOND, SECOND)),
    "no network": replace(CONTROL, network="<b>"),
    "no word": replace(CONTROL, ended="a b"),
    "too many flows": replace(CONTROL, flows=(FLOW,) * 65),
    "no port": replace(CONTROL, flows=(replace(FLOW, port=70_000),)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_no_listener_writes_is_refused(name: str):
    with pytest.raises(BundleError):
        stored(replace(FINDINGS, controls=(BAD[name],)))


def second(lost: int, late_ms: float = 1.0) -> ControlSecond:
    return ControlSecond(at_s=0, sent_up=500, arrived_up=500, sent_down=500, arrived_down=500 - lost, late_ms=late_ms)


@pytest.mark.parametrize(
    ("found", "call_lost", "well"),
    [
        (second(0), 0.1, True),
        (second(9), 0.05, True),
        (second(29), 0.3, True),
        (second(30), 0.1, False),
        (second(0, late_ms=31.0), 1.0, False),
        (ControlSecond(at_s=0, sent_down=99, arrived_down=99), 1.0, False),
    ],
)
def test_control_traffic_is_well_only_where_little_was_lost_and_nothing_was_late(
    found: ControlSecond, call_lost: float, well: bool
):
    assert ControlShares.of([found]).is_well(call_lost) == well
