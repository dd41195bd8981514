"""TURN and RFC 4571 framing, in datagrams and in streams cut anywhere."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import WireError
from talkpath.wire.rtc import stun, turn
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type
from talkpath.wire.rtc.turn import FramedStream, TurnStream

ID = bytes(range(12))
PAYLOADS = st.binary(max_size=60)
CHANNEL_DATA = st.builds(lambda number, data: channel_data(number, data), st.integers(0x4000, 0x4FFF), PAYLOADS)
INDICATIONS = PAYLOADS.map(
    lambda data: stun.encode_message(StunMessage(Type.DATA_INDICATION, ID, ((Attribute.DATA, data),)))
)
ON_STREAM = CHANNEL_DATA | INDICATIONS
CUTS = st.lists(st.integers(0, 400), max_size=12)


def channel_data(number: int, data: bytes) -> bytes:
    """A ChannelData message (RFC 8656 section 12.4), padded to a multiple of four as on TCP."""
    return number.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data + bytes(-len(data) % 4)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    return [stream[a:b] for a, b in pairwise(ends)]


@given(st.lists(ON_STREAM, max_size=8), CUTS)
def test_a_turn_stream_gives_its_messages_however_it_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    for parts in (pieces(stream, cuts), [bytes([byte]) for byte in stream]):
        reader = TurnStream()
        assert [found for part in parts for found in reader.feed(part)] == messages


@given(st.lists(PAYLOADS, max_size=8), CUTS)
def test_a_framed_stream_gives_its_packets_however_it_is_cut(packets: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(turn.with_length, packets))
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
        turn.with_length(bytes(65536))
