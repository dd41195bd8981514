"""The control channel's codec makes round trips, and turns any bytes into messages or WireError."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import WireError
from talkpath.wire.control import messages
from talkpath.wire.control.messages import Begin, Close, Decoder, FlowReport, Hello, Ready, Refusal, encode_message
from talkpath.wire.control.question import RateContrast

MESSAGES = [
    Hello((messages.PROTOCOL_VERSION,), "talkpath/0", bytes(32), {"webrtc/dtls/voice": bytes(8)}),
    Refusal("busy", "Try again."),
    Ready(3),
    Begin(1, "webrtc/dtls/voice", 8, 25, 0, 120, question=RateContrast(0.5)),
    Close(1, (FlowReport(b"\x01", b"\0\0", b"\x03", b"\0\0\0\0"),)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_comes_back_whole_and_byte_by_byte(message: messages.AnyMessage) -> None:
    frame = encode_message(message)
    assert Decoder().feed(frame) == [message]
    decoder = Decoder()
    got = [found for byte in frame for found in decoder.feed(bytes([byte]))]
    assert got == [message]


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_wire_error(data: bytes) -> None:
    whole, pieces = Decoder(), Decoder()
    with contextlib.suppress(WireError):
        whole.feed(data)
    with contextlib.suppress(WireError):
        for byte in data:
            pieces.feed(bytes([byte]))


@given(st.binary(max_size=200))
def test_any_body_gives_a_message_or_wire_error(body: bytes) -> None:
    with contextlib.suppress(WireError):
        Decoder().feed(len(body).to_bytes(4, "big") + body)


def test_a_frame_without_end_is_refused_at_its_header() -> None:
    with pytest.raises(WireError, match="longer than any message"):
        Decoder().feed(b"\xff\xff\xff\xff")
