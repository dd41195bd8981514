"""Recordings that kept the first bytes of each packet only: what these show is used, and the rest is said."""

from __future__ import annotations

import io
import struct

import pytest

from factories.packets.capture_files import CARRIERS, Packet, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER, packets_of, shaped_call
from talkpath.api.recording import Recording, read_capture
from talkpath.report.recordings.capture_sentences import unread_note
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.verdict.bases.recorded_call import judge_call

LINK, CARRY = CARRIERS["ethernet"]


def cut(packets: list[Packet], length: int) -> Recording:
    """A recording with a snapshot length."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, length, LINK)]
    for packet in packets:
        frame = CARRY(packet.data)
        second, rest = divmod(packet.time_ns, 1_000_000_000)
        kept = frame[:length]
        out.append(struct.pack("<IIII", second, rest, len(kept), len(frame)) + kept)
    return read_capture(io.BytesIO(b"".join(out)))


@pytest.mark.parametrize("length", [62, 70, 96, 128])
@pytest.mark.parametrize(
    "arm", ["whatsapp/fast20/voice", "whatsapp/relay60/voice", "telegram/libtgvoip/voice", "signal/ringrtc/voice"]
)
def test_the_app_is_known_and_the_call_is_measured(arm: str, length: int) -> None:
    packets = packets_of(shaped_call(arm, 500))
    whole, part = cut(packets, 65535).calls[0], cut(packets, length).calls[0]
    assert part.app == arm.split("/")[0]
    assert part.media == whole.media
    assert part.duration_s == pytest.approx(whole.duration_s, abs=0.1)
    for one, other in zip(part.streams, whole.streams, strict=True):
        assert (one.direction, one.lost) == (other.direction, other.lost)
        assert one.packets == pytest.approx(other.packets, abs=2)


@pytest.mark.parametrize("length", [62, 66, 68, 72, 76, 80, 96])
def test_a_reflectors_frames_are_not_taken_for_those_of_its_other_protocol(length: int) -> None:
    """Of tgcalls' frames, cut before the media, as many as have whole blocks of 16 bytes looked like libtgvoip's."""
    (part,) = cut(packets_of(shaped_call("telegram/reflector/voice", 1500)), length).calls
    assert part.app == "telegram"
    assert call_outcome(part).kind in (("good", "unknown") if length < 68 else ("good",))
    assert not judge_call(part).alternatives
    for stream in part.streams:
        assert stream.medium is None or not stream.lost or stream.lost <= 0.01 * stream.packets


@pytest.mark.parametrize("length", [62, 66])
@pytest.mark.parametrize("media", ["voice", "video"])
def test_frames_cut_before_their_header_tell_neither_losses_nor_freezes(media: str, length: int) -> None:
    """Voice, pictures, reports and padding are then told apart by size at most: 127 of 1455 packets seemed lost."""
    (part,) = cut(packets_of(shaped_call(f"telegram/reflector/{media}", 1500)), length).calls
    assert ("video" in part.media) == (media == "video")
    assert {(stream.lost, stream.freezes) for stream in part.streams} == {(None, 0)}


def test_what_the_snapshot_hides_is_said() -> None:
    recording = cut(packets_of(shaped_call("telegram/tgcalls/voice", 500)), 62)
    assert not recording.calls
    assert "record at least 128 bytes of each packet" in unread_note(recording.findings)


def test_nothing_is_said_of_it_where_all_was_found() -> None:
    recording = cut(packets_of(shaped_call("whatsapp/fast20/voice", 500)), 96)
    assert "record at least" not in unread_note(recording.findings)


@pytest.mark.parametrize("length", [54, 60, 64, 68, 72])
def test_what_was_cut_before_its_header_ended_is_no_stream(length: int) -> None:
    """Behind an IPv6 header: zeros that stand for what is missing looked like one SSRC and one timestamp."""
    rtp = [struct.pack("!BBHII", 0x80, 111, at, 960 * at, 0xABCDEF12 + at % 2) + bytes(90) for at in range(600)]
    near, far = bytes((0x20, 1, *bytes(13), 1)), bytes((0x20, 1, *bytes(13), 2))
    packets = [
        Packet(1_700_000_000_000_000_000 + at * 10_000_000, udp_packet(*ends, 4000, 4000, data))
        for at, data in enumerate(rtp)
        for ends in (((near, far), (far, near))[at % 2],)
    ]
    assert cut(packets, 65535).calls
    assert not cut(packets, length).calls


def test_padding_whose_timestamp_was_cut_off_is_no_picture() -> None:
    """tgcalls pads calls of voice alone with the payload type of pictures and a timestamp of 0."""
    packets = packets_of(shaped_call("telegram/reflector/voice", 600))
    (whole,), (part,) = cut(packets, 65535).calls, cut(packets, 70).calls
    assert part.media == whole.media == ("voice",)


NEAR_6, FAR_6 = bytes((0x20, 1, *bytes(13), 1)), bytes((0x20, 1, *bytes(13), 2))


def over_version_6(packet: Packet) -> Packet:
    """The packet between the same machines over IPv6, from and to other ports."""
    to_6 = {CALLER: NEAR_6, SERVER: FAR_6}
    ports = (port + 1 for port in struct.unpack_from("!HH", packet.data, 20))
    ends = (to_6[packet.data[12:16]], to_6[packet.data[16:20]])
    return Packet(packet.time_ns, udp_packet(*ends, *ports, packet.data[28:]))


@pytest.mark.parametrize("length", [56, 62, 68])
@pytest.mark.parametrize(
    "part", [slice(600, None), slice(600, 1000), slice(None)], ids=["later", "in the middle", "all"]
)
@pytest.mark.parametrize("arm", ["webrtc/dtls/voice", "webrtc/dtls/video", "meet/sfu/voice"])
def test_media_that_may_come_over_ipv6_are_not_missed(arm: str, part: slice, length: int) -> None:
    """An IPv6 header is 20 bytes longer, so that nothing is left there of an RTP header that is whole over IPv4."""
    packets = packets_of(shaped_call(arm, 1000))
    moves = {id(one) for one in [one for one in packets if one.data[12:16] != CALLER][part]}
    for call in cut([over_version_6(one) if id(one) in moves else one for one in packets], length).calls:
        assert (call_outcome(call).kind, judge_call(call).alternatives) == ("unknown", ())


@pytest.mark.parametrize("length", [56, 62, 68])
def test_a_call_over_ipv4_alone_that_went_silent_is_told_in_such_a_recording(length: int) -> None:
    packets = packets_of(shaped_call("webrtc/dtls/voice", 1000))
    stops_ns = packets[-1].time_ns - 8_000_000_000
    (call,) = cut([one for one in packets if one.data[12:16] == CALLER or one.time_ns < stops_ns], length).calls
    assert call_outcome(call).kind == "went_silent"
