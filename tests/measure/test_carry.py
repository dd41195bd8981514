"""What each transport carried is counted by its own flows."""

from __future__ import annotations

from talkpath.measure.bitmap import pack
from talkpath.measure.carry import carries
from talkpath.measure.facts import Epoch, Observation, Track

SLOTS = 10
TRACK = Track(tuple(float(20 * slot) for slot in range(SLOTS)), (100,) * SLOTS, ("stun", *["media"] * (SLOTS - 1)))


def flow(number: int, transport: str, port: int, direction: str, arrived: int, sent: int = SLOTS) -> Observation:
    return Observation(
        number,
        number,
        "call",
        direction,  # type: ignore[arg-type]
        pack(range(sent), SLOTS),
        pack(range(arrived), SLOTS),
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
    value = "udp/443,tcp/443,tls/443"
    fields = {"question": "transport", "value": value} | more
    return Epoch(1, "a", "v", "voice", 1, 0.0, 1.0, 1.1, TRACK, TRACK, tuple(rows), **fields)  # type: ignore[arg-type]


def test_a_row_for_each_path_in_the_order_asked() -> None:
    rows = carries([epoch()])
    assert [row.transport for row in rows] == ["udp/443", "tcp/443", "tls/443"]
    assert [(row.sent_up, row.arrived_up, row.sent_down, row.arrived_down) for row in rows] == [
        (9, 0, 9, 0),  # the far end sends nothing to a flow that it never heard: all of it is missing
        (9, 9, 9, 9),
        (9, 9, 9, 5),
    ]
    assert [row.setup_ms for row in rows] == [None, 40.0, 40.0]


def test_other_questions_and_epochs_without_a_report_say_nothing() -> None:
    assert carries([epoch(question="battery"), epoch(missing="lost")]) == []
