"""TURN and RFC 4571 framing, in datagrams and in streams cut anywhere."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import WireError
from talkpath.wire.rtc import stun, turn
from talkpath.wire.rtc.stun import Attribute, Message, Type
from talkpath.wire.rtc.turn import ChannelData, FramedStream, TurnStream

ID = bytes(range(12))
PAYLOADS = st.binary(max_size=60)
CHANNELS = st.builds(ChannelData, st.integers(turn.FIRST_CHANNEL, turn.LAST_CHANNEL), PAYLOADS)
ON_STREAM = CHANNELS.map(lambda c: turn.encode(ChannelData(c.channel, c.data, padded=True))) | PAYLOADS.map(
    lambda data: stun.encode(Message(Type.DATA_INDICATION, ID, ((Attribute.DATA, data),)))
)
CUTS = st.lists(st.integers(0, 400), max_size=12)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    return [stream[a:b] for a, b in pairwise(ends)]


@given(CHANNELS, st.booleans())
def test_channel_data_comes_back(message: ChannelData, padded: bool) -> None:
    data = turn.encode(ChannelData(message.channel, message.data, padded))
    assert turn.is_channel_data(data)
    found = turn.decode(data)
    assert (found.channel, found.data) == (message.channel, message.data)
    assert turn.encode(found) == data
    assert turn.inner(data) == message.data


@given(st.binary(max_size=80), st.integers(0, 80))
def test_any_bytes_give_a_message_or_a_wire_error(data: bytes, cut: int) -> None:
    for broken in (data, b"\x40" + data[:cut], b"\x00\x17" + data):
        with suppress(WireError):
            assert turn.encode(turn.decode(broken)) == broken[:4] + turn.decode(broken).data + bytes(
                len(broken) - 4 - len(turn.decode(broken).data)
            )
        turn.inner(broken)


@pytest.mark.parametrize(
    "message", [ChannelData(0x3FFF, b""), ChannelData(0x5000, b""), ChannelData(0x4000, bytes(65536))]
)
def test_what_has_no_encoding_is_refused(message: ChannelData) -> None:
    with pytest.raises(WireError):
        turn.encode(message)


@given(PAYLOADS)
def test_indications_hold_their_packet(payload: bytes) -> None:
    for kind in (Type.SEND_INDICATION, Type.DATA_INDICATION):
        message = Message(kind, ID, ((Attribute.XOR_PEER_ADDRESS, bytes(8)), (Attribute.DATA, payload)))
        assert turn.inner(stun.encode(message)) == payload
    assert turn.inner(stun.encode(Message(Type.BINDING_REQUEST, ID, ((Attribute.DATA, payload),)))) is None
    assert turn.inner(stun.encode(Message(Type.DATA_INDICATION, ID))) is None


@given(st.lists(ON_STREAM, max_size=8), CUTS)
def test_a_turn_stream_gives_its_messages_however_it_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    for parts in (pieces(stream, cuts), [bytes([byte]) for byte in stream]):
        reader = TurnStream()
        assert [found for part in parts for found in reader.feed(part)] == messages


@given(st.lists(PAYLOADS, max_size=8), CUTS)
def test_a_framed_stream_gives_its_packets_however_it_is_cut(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(turn.frame, packets))
    for parts in (pieces(stream, cuts), [bytes([byte]) for byte in stream]):
        reader = FramedStream()
        assert [found for part in parts for found in reader.feed(part)] == packets


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_stream_gives_messages_or_a_wire_error(parts: list[bytes]) -> None:
    turns, frames = TurnStream(), FramedStream()
    with suppress(WireError):
        for part in parts:
            turns.feed(part)
    for part in parts:
        frames.feed(part)


def test_a_packet_too_long_to_frame_is_refused() -> None:
    with pytest.raises(WireError):
        turn.frame(bytes(65536))
