"""What a page can make a far end keep of SCTP, decided before SCTP itself sees a packet (RFC 9260, RFC 3758).

A twin is one data channel, whose messages go one to a packet. Whatever else comes is left out: to the sender that looks
like loss, which an unreliable channel reports (FORWARD TSN) and goes on from. Contract: pure; any bytes give an answer.
"""

from __future__ import annotations

from collections.abc import Iterator

HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 4
DATA, INIT, FORWARD_TSN = 0, 1, 192
DCEP_PROTOCOL, DCEP_OPEN = 50, 3  # RFC 8832: the message that opens a channel
MAX_DATA_CHUNKS = 5000  # of one twin: several times what an epoch sends
MAX_CHUNKS_AHEAD = 256  # of what is missing before them: SCTP sorts them at every packet
TSN_MODULO = 1 << 32


class SctpBounds:
    """The bounds of one twin. `admits` has to see its packets in their order."""

    def __init__(self) -> None:
        self._chunk_count = 0
        self._stream: bytes | None = None
        self._cumulative: int | None = None  # the last number up to which none is missing
        self._ahead: set[int] = set()

    def admits(self, packet: bytes) -> bool:
        """Whether SCTP may take the packet, all of it."""
        return all(self._admits_chunk(kind, body) for kind, body in sctp_chunks(packet))

    def _admits_chunk(self, kind: int, body: bytes) -> bool:
        if kind == INIT and len(body) >= 16 and self._cumulative is None:
            self._move(int.from_bytes(body[12:16], "big") - 1)
        if kind == FORWARD_TSN and len(body) >= 4:
            self._move(int.from_bytes(body[:4], "big"))
            return all(body[at : at + 2] == self._stream for at in range(4, len(body) - 3, 4))
        return kind != DATA or self._admits_data(body)

    def _admits_data(self, body: bytes) -> bool:
        """One stream, opened once; not too many in all, nor too many that came before what is missing."""
        self._chunk_count += 1
        stream, is_first = body[4:6], self._stream is None
        self._stream = self._stream or stream
        opens = body[8:12] == DCEP_PROTOCOL.to_bytes(4, "big") and body[12:13] == bytes([DCEP_OPEN])
        if stream != self._stream or self._chunk_count > MAX_DATA_CHUNKS or (opens and not is_first):
            return False
        return self._is_near(int.from_bytes(body[:4], "big"))

    def _is_near(self, number: int) -> bool:
        if self._cumulative is None or not 0 < (number - self._cumulative) % TSN_MODULO < TSN_MODULO // 2:
            return True  # nothing is known yet, or it came before
        if number != (self._cumulative + 1) % TSN_MODULO and len(self._ahead) >= MAX_CHUNKS_AHEAD:
            return False
        self._ahead.add(number)
        self._advance()
        return True

    def _move(self, cumulative: int) -> None:
        """Nothing up to that number is missing any more."""
        self._cumulative = cumulative % TSN_MODULO
        self._ahead = {one for one in self._ahead if 0 < (one - cumulative) % TSN_MODULO < TSN_MODULO // 2}
        self._advance()

    def _advance(self) -> None:
        while self._cumulative is not None and (after := (self._cumulative + 1) % TSN_MODULO) in self._ahead:
            self._ahead.remove(after)
            self._cumulative = after


def sctp_chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each chunk of a packet, up to the first that is cut or damaged (RFC 9260 section 3.2)."""
    at = HEADER_BYTES
    while at + CHUNK_HEADER_BYTES <= len(packet):
        size = int.from_bytes(packet[at + 2 : at + 4], "big")
        if size < CHUNK_HEADER_BYTES or at + size > len(packet):
            return
        yield packet[at], packet[at + CHUNK_HEADER_BYTES : at + size]
        at += (size + 3) // 4 * 4
