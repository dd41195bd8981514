"""One call a path: what both ends counted, whatever it is, as facts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from talkpath.browser.far_end.counts_to_facts.call_paths import PATH_SLOTS, CallPath, path_epoch
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    PageFlowReport,
    Poll,
)
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch
from talkpath.wire.control.question import TransportPaths

PATHS = (CallPath("udp/4434", "udp", 4434), CallPath("tls/443", "tls", 443, "turns:host:443"))
TIMES = EpochTimes(started_s=20.0, ended_s=23.0, known_s=24.0)


def counted(epoch: Epoch) -> dict[tuple[str | None, str], tuple[int, int]]:
    """(sent, arrived) by transport and direction."""
    return {
        (flow.transport, flow.direction): tuple(
            int(unpack_bitmap(bits, PATH_SLOTS).sum()) for bits in (flow.sent, flow.arrived)
        )  # type: ignore[misc]
        for flow in epoch.flows
    }


def test_each_path_has_its_own_counts_in_both_directions():
    near = PageEpochReport(3, (PageFlowReport(0, 10.0, 50.0, polls=(Poll(3000.0, 150, 120),)),))
    far = {0: FarFlowReport(0, tuple((number, 1.0) for number in range(140)), tuple(range(148))), 1: FarFlowReport(1)}
    epoch = path_epoch(3, PATHS, near, far, TIMES)
    assert epoch.question == TransportPaths(("udp/4434", "tls/443"))
    assert counted(epoch) == {
        ("udp", "up"): (150, 140),
        ("udp", "down"): (148, 120),
        ("tls", "up"): (PATH_SLOTS, 0),  # never set up: all of it counts as lost
        ("tls", "down"): (PATH_SLOTS, 0),
    }


@given(
    sent=st.integers(0, 10_000), received=st.integers(0, 10_000), arrivals=st.integers(0, 400), said=st.integers(0, 400)
)
def test_no_count_is_more_than_a_path_has_packets(sent: int, received: int, arrivals: int, said: int):
    near = PageEpochReport(0, (PageFlowReport(0, 1.0, 2.0, polls=(Poll(1.0, sent, received),)),))
    far = {0: FarFlowReport(0, tuple((number, 1.0) for number in range(arrivals)), tuple(range(said)))}
    for packets, came in counted(path_epoch(0, PATHS[:1], near, far, TIMES)).values():
        assert came <= packets <= PATH_SLOTS
