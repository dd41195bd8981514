"""What each transport carried is counted by its own flows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.measure.transport_quality import transport_qualities
from talkpath.wire.control.question import BASELINE, TransportPaths

SLOTS = 10
TRACK = Track(tuple(float(20 * slot) for slot in range(SLOTS)), (100,) * SLOTS, ("stun", *["media"] * (SLOTS - 1)))


def flow(number: int, transport: str, port: int, direction: str, arrived: int, sent: int = SLOTS) -> Observation:
    return Observation(
        number,
        number,
        "call",
        direction,  # type: ignore[arg-type]
        pack_bitmap(range(sent), SLOTS),
        pack_bitmap(range(arrived), SLOTS),
        transport=transport,
        port=port,
        setup_ms=None if transport == "udp" else 40.0,
    )


def epoch(**more: object) -> Epoch:
    rows = [
        flow(0, "udp", 443, "up", 1), flow(0, "udp", 443, "down", 0, sent=0),
        flow(1, "tcp", 443, "up", 10), flow(1, "tcp", 443, "down", 10),
        flow(2, "tls", 443, "up", 10), flow(2, "tls", 443, "down", 6),
    ]  # fmt: skip
    fields = {"question": TransportPaths(("udp/443", "tcp/443", "tls/443"))} | more
    return Epoch(1, "a", "v", "voice", 1, 0.0, 1.0, 1.1, TRACK, TRACK, tuple(rows), **fields)  # type: ignore[arg-type]


def test_a_row_for_each_path_in_the_order_asked() -> None:
    rows = transport_qualities([epoch()])
    assert [row.transport for row in rows] == ["udp/443", "tcp/443", "tls/443"]
    assert [(row.up.sent, row.up.arrived, row.down.sent, row.down.arrived) for row in rows] == [
        (9, 0, 9, 0),  # the far end sends nothing to a flow that it never heard: all of it is missing
        (9, 9, 9, 9),
        (9, 9, 9, 5),
    ]
    assert [row.setup_ms for row in rows] == [None, 40.0, 40.0]
    assert [(row.up.runs, row.down.runs) for row in rows] == [(1, 1), (0, 0), (0, 1)]
    assert {(row.calls, row.lasted_s) for row in rows} == {(1, 0.2)}


def test_a_path_names_whose_hello_opened_its_connections() -> None:
    own, other = transport_qualities([epoch(), epoch(question=TransportPaths(("tls.browser/443",)))])[2:]
    assert (own.transport, own.hello, other.transport, other.hello) == ("tls/443", "openssl", "tls/443", "browser")
    assert own.up == other.up
    assert not own.silent
    assert transport_qualities([epoch(question=TransportPaths(("wss.browser/443",)))])[0].silent


def test_other_questions_and_epochs_without_a_report_say_nothing() -> None:
    assert transport_qualities([epoch(question=BASELINE), epoch(missing="lost")]) == []


def delays(setup_ms: float, *quantiles: int) -> Observation:
    return replace(flow(3, "tls", 443, "up", 10), delay_dms=quantiles, setup_ms=setup_ms)


def test_a_delay_counts_from_the_fastest_packets_of_any_transport() -> None:
    rows = (replace(flow(1, "udp", 443, "up", 10), delay_dms=(1000, 1010, 1020, 1030, 1040)),
            delays(10.0, 1100, 1200, 1300, 1400, 2500))  # fmt: skip
    udp, tls = transport_qualities([replace(epoch(question=TransportPaths(("udp/443", "tls/443"))), flows=rows)])
    assert (udp.up.delay_ms, tls.up.delay_ms) == (4.0, 150.0)
    assert tls.down.delay_ms is None


@pytest.mark.parametrize(
    ("setup_ms", "delay_ms"), [(15.0, 1000.0), (25.0, 30.0), (45.0, 30.0), (85.0, 20.0), (999.0, 0.0)]
)
def test_media_due_while_the_stream_is_dialled_do_not_count_as_late(setup_ms: float, delay_ms: float) -> None:
    """Nine media packets from 20 ms on: none, one, two, four or all of them were due before the set-up was done."""
    found = transport_qualities(
        [replace(epoch(question=TransportPaths(("tls/443",))), flows=(delays(setup_ms, 0, 100, 200, 300, 10000),))]
    )
    assert found[0].up.delay_ms == delay_ms
