"""RTP and RTCP headers: round trips, arbitrary bytes, and all media packets of the captures."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets import rtp_packets
from factories.packets.pcap_reader import read_datagrams
from factories.packets.rtp_packets import Report
from talkpath.errors import WireError
from talkpath.wire.rtc import rtp
from talkpath.wire.rtc.rtp import Extension, RtpPacket

WORD = st.integers(0, 0xFFFFFFFF)
EXTENSIONS = st.builds(
    Extension,
    st.sampled_from((rtp.ONE_BYTE_PROFILE, 0xDEBE, 0x746F, 0x1000)),
    st.integers(0, 8).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words)),
)
PACKETS = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 63) | st.integers(96, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=WORD,
    ssrc=WORD,
    payload=st.binary(max_size=40),
    marker=st.booleans(),
    padded=st.booleans(),
    csrc=st.lists(WORD, max_size=15).map(tuple),
    extension=st.none() | EXTENSIONS,
)
REPORTS = st.builds(
    Report,
    packet_type=st.integers(192, 223),
    count=st.integers(0, 31),
    words=st.integers(0, 0xFFFF),
    ssrc=WORD,
    rest=st.binary(max_size=40),
    padded=st.booleans(),
)
ELEMENTS = st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=6).map(tuple)


@given(PACKETS)
def test_packets_come_back(packet: RtpPacket) -> None:
    data = rtp_packets.encode_packet(packet)
    assert rtp.is_rtp(data)
    assert not rtp.is_rtcp(data)
    assert rtp.decode_packet(data) == packet


@given(REPORTS)
def test_reports_come_back(report: Report) -> None:
    data = rtp_packets.encode_report(report)
    assert rtp.is_rtcp(data)
    assert not rtp.is_rtp(data)
    assert rtp_packets.decode_report(data) == report


@given(st.binary(max_size=90) | st.binary(max_size=90).map(lambda tail: b"\x9f" + tail))
def test_any_bytes_come_back_or_give_a_wire_error(data: bytes) -> None:
    with suppress(WireError):
        assert rtp_packets.encode_packet(rtp.decode_packet(data)) == data
    with suppress(WireError):
        assert rtp_packets.encode_report(rtp_packets.decode_report(data)) == data


@given(ELEMENTS)
def test_elements_come_back(elements: tuple[tuple[int, bytes], ...]) -> None:
    extension = rtp_packets.encode_elements(elements)
    assert len(extension.data) % 4 == 0
    assert rtp_packets.decode_elements(extension) == elements


@given(EXTENSIONS)
def test_any_extension_has_elements_or_none(extension: Extension) -> None:
    found = rtp_packets.decode_elements(extension)
    assert not found or extension.profile == rtp.ONE_BYTE_PROFILE


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0, b""),
        RtpPacket(72, 0, 0, 0, b"", marker=True),
        RtpPacket(96, 1 << 16, 0, 0, b""),
        RtpPacket(96, 0, -1, 0, b""),
        RtpPacket(96, 0, 0, 0, b"", csrc=(0,) * 16),
        RtpPacket(96, 0, 0, 0, b"", csrc=(1 << 32,)),
        RtpPacket(96, 0, 0, 0, b"", extension=Extension(rtp.ONE_BYTE_PROFILE, b"abc")),
        RtpPacket(96, 0, 0, 0, b"", extension=Extension(1 << 16, b"")),
    ],
)
def test_packets_without_encoding_are_refused(packet: RtpPacket) -> None:
    with pytest.raises(WireError):
        rtp_packets.encode_packet(packet)


@pytest.mark.parametrize(
    "report", [Report(191, 0, 0, 0, b""), Report(200, 32, 0, 0, b""), Report(200, 0, 1 << 16, 0, b"")]
)
def test_reports_without_encoding_are_refused(report: Report) -> None:
    with pytest.raises(WireError):
        rtp_packets.encode_report(report)


@pytest.mark.parametrize("element", [(0, b"a"), (15, b"a"), (1, b""), (1, bytes(17))])
def test_elements_without_encoding_are_refused(element: tuple[int, bytes]) -> None:
    with pytest.raises(WireError):
        rtp_packets.encode_elements((element,))


@pytest.mark.parametrize("name", ["stun_google_meet__a.pcapng", "stun_wa_call__a.pcapng", "wa_video.pcap",
                                  "stun_signal__a.pcapng", "KakaoTalk_talk.pcap"])  # fmt: skip
def test_media_of_the_captures_come_back(captures: Path, name: str) -> None:
    found = [one.payload for one in read_datagrams(captures / name) if one.payload[:1] and one.payload[0] >> 6 == 2]
    media = [data for data in found if rtp.is_rtp(data)]
    reports = [data for data in found if rtp.is_rtcp(data)]
    assert len(media) > 10
    assert reports
    for data in media:
        assert rtp_packets.encode_packet(rtp.decode_packet(data)) == data
    for data in reports:
        assert rtp_packets.encode_report(rtp_packets.decode_report(data)) == data
