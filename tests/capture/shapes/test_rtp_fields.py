"""What a first look at all packets of a flow finds in RTP and RTCP."""

from __future__ import annotations

from random import Random

from talkpath.apps.contract.shape import Direction
from talkpath.capture.shapes.evidence import FlowEvidence
from talkpath.capture.shapes.rtp_fields import see_reports

REPORT = bytes.fromhex("80c90001")


def report(ssrc: int, index: int, tag_bytes: int) -> bytes:
    """An SRTCP packet (RFC 3711 section 3.4): its index, encrypted, stands in front of a tag of so many bytes."""
    hidden = Random(ssrc + index)
    return (
        REPORT
        + ssrc.to_bytes(4, "big")
        + hidden.randbytes(24)
        + (1 << 31 | index).to_bytes(4, "big")
        + hidden.randbytes(tag_bytes)
    )


def test_the_index_of_encrypted_reports_is_each_direction_s_own() -> None:
    seen: list[tuple[float, Direction, bytes]] = [
        (float(index), direction, report(ssrc, index, tag_bytes))
        for index in range(12)
        for direction, ssrc, tag_bytes in (("up", 7, 10), ("down", 9, 16))
    ]
    evidence = FlowEvidence()
    see_reports(seen, evidence)
    assert evidence.index_at == {"up": 14, "down": 20}
    assert evidence.reports == {("up", 7): "up_rtcp", ("down", 9): "down_rtcp"}


def test_where_one_direction_sends_no_reports_it_has_no_index() -> None:
    evidence = FlowEvidence()
    see_reports([(float(index), "up", report(7, index, 10)) for index in range(12)], evidence)
    assert evidence.index_at == {"up": 14}
