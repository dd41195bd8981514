"""What a twin's SCTP may be given: one stream, opened once, of bounded length and disorder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from talkpath.browser.webrtc.secure_transport import (
    DATA,
    FORWARD_TSN,
    INIT,
    MAX_CHUNKS_AHEAD,
    MAX_DATA_CHUNKS,
    SctpBounds,
    sctp_chunks,
)

FIRST = (1 << 32) - 20  # numbers wrap
BINARY, OPEN = 53, bytes([3]) + bytes(11)


def chunk(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3]) + (4 + len(body)).to_bytes(2, "big") + body + bytes(-len(body) % 4)


def packet(*chunks: bytes) -> bytes:
    return bytes(12) + b"".join(chunks)


def data(number: int, stream: int = 0, protocol: int = BINARY, payload: bytes = b"ab") -> bytes:
    head = (number % (1 << 32)).to_bytes(4, "big") + stream.to_bytes(2, "big") + bytes(2)
    return chunk(DATA, head + protocol.to_bytes(4, "big") + payload)


def begun() -> SctpBounds:
    bounds = SctpBounds()
    assert bounds.admits(packet(chunk(INIT, bytes(12) + FIRST.to_bytes(4, "big"))))
    assert bounds.admits(packet(data(FIRST, protocol=50, payload=OPEN)))
    return bounds


def test_an_epoch_in_order_passes_across_the_wrap_of_numbers():
    bounds = begun()
    assert all(bounds.admits(packet(data(FIRST + n))) for n in range(1, MAX_DATA_CHUNKS))
    assert not bounds.admits(packet(data(FIRST + MAX_DATA_CHUNKS)))


def test_another_stream_and_a_second_opening_are_left_out():
    bounds = begun()
    assert not bounds.admits(packet(data(FIRST + 1, stream=1)))
    assert not bounds.admits(packet(data(FIRST + 1, protocol=50, payload=OPEN)))
    assert not bounds.admits(packet(chunk(FORWARD_TSN, FIRST.to_bytes(4, "big") + bytes([0, 7, 0, 0]))))
    assert bounds.admits(packet(chunk(FORWARD_TSN, FIRST.to_bytes(4, "big") + bytes(4))))


def test_what_came_before_what_is_missing_is_bounded_and_a_report_of_loss_frees_it():
    bounds = begun()
    ahead = [bounds.admits(packet(data(FIRST + 2 + n))) for n in range(MAX_CHUNKS_AHEAD + 50)]
    assert ahead == [True] * MAX_CHUNKS_AHEAD + [False] * 50
    assert bounds.admits(packet(chunk(FORWARD_TSN, ((FIRST + 1) % (1 << 32)).to_bytes(4, "big"))))
    assert bounds.admits(packet(data(FIRST + 2 + MAX_CHUNKS_AHEAD)))


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_give_an_answer(packets: list[bytes]):
    bounds = SctpBounds()
    for one in packets:
        assert bounds.admits(one) in (True, False)
        assert all(0 <= kind < 256 for kind, _ in sctp_chunks(one))
