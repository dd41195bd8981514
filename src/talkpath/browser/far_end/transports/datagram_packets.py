"""QUIC packets that carry datagrams alone, made and read without aioquic's general machinery (RFC 9000, RFC 9221).

A twin is a handshake and then thousands of packets that hold one datagram each. aioquic does the handshake and all
else; for those packets only its keys and its packet number space are used, which costs a third. What this cannot read
(other frames, a new address, a new connection id) goes to aioquic as ever. Acknowledgements ride on our own packets,
whose size stays the same: with a packet each 20 ms there is one in time (aioquic announces 25 ms).
"""

from __future__ import annotations

from typing import Any

from talkpath.browser.webrtc.call_media import TICK_MS

PADDING, ACK, ACK_ECN, DATAGRAM, DATAGRAM_WITH_LENGTH = 0x00, 0x02, 0x03, 0x30, 0x31
NUMBER_BYTES, TAG_BYTES, SLOT_BYTES = 2, 16, 2
MAX_RANGES = 3  # of packet numbers in one acknowledgement: a voice packet has no room for more
RESERVED_BITS, SPIN_BIT = 0x18, 0x20
ACK_WAIT_S = 1.2 * TICK_MS / 1000


class DatagramPackets:
    """The datagrams of one established connection, on the session that the request `stream` opened."""

    def __init__(self, quic: Any, stream: int) -> None:
        from aioquic.buffer import encode_uint_var
        from aioquic.quic.connection import QuicConnectionState
        from aioquic.tls import Epoch

        self._quic, self._session = quic, stream // 4
        self._crypto = quic._cryptos[Epoch.ONE_RTT]
        self._space = quic._spaces[Epoch.ONE_RTT]
        self._connected = QuicConnectionState.CONNECTED
        self._own_id_bytes = quic.configuration.connection_id_length
        self._prefix = encode_uint_var(self._session)

    @property
    def can_send(self) -> bool:
        """Whether the other end's address is proven, and the connection is not about to end."""
        quic = self._quic
        return quic._state is self._connected and not quic._close_pending and quic._network_paths[0].is_validated

    def packet(self, now_s: float, slot: int, wire_bytes: int) -> tuple[bytes, Any]:
        """The packet with that slot's datagram, `wire_bytes` of UDP payload in all; and the address to send it to."""
        quic, number = self._quic, self._quic._packet_number
        quic._packet_number = number + 1
        first = 0x40 | quic._spin_bit * SPIN_BIT | self._crypto.key_phase << 2 | NUMBER_BYTES - 1
        header = bytes((first,)) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(NUMBER_BYTES, "big")
        frames = self._acknowledgement(now_s) + bytes((DATAGRAM,)) + self._prefix + slot.to_bytes(SLOT_BYTES, "big")
        frames += bytes(max(0, wire_bytes - len(header) - len(frames) - TAG_BYTES))
        return self._crypto.encrypt_packet(header, frames, number), quic._network_paths[0].addr

    def _acknowledgement(self, now_s: float) -> bytes:
        """The frame that acknowledges what came; nothing if nothing new did."""
        from aioquic.buffer import encode_uint_var

        space = self._space
        if space.ack_at is None:
            return b""
        space.ack_at = None
        delay_us = max(0, int(1e6 * (now_s - space.largest_received_time)))
        ranges = space.ack_queue
        last = len(ranges) - 1
        oldest = max(0, last - MAX_RANGES + 1)
        newest = ranges[last]
        frame = (
            bytes((ACK,))
            + encode_uint_var(newest.stop - 1)
            + encode_uint_var(delay_us >> self._quic._local_ack_delay_exponent)
        )
        frame += encode_uint_var(last - oldest) + encode_uint_var(newest.stop - 1 - newest.start)
        start = newest.start
        for index in range(last - 1, oldest - 1, -1):
            each = ranges[index]
            frame += encode_uint_var(start - each.stop - 1) + encode_uint_var(each.stop - each.start - 1)
            start = each.start
        return frame

    def take(self, now_s: float, data: bytes, source: Any) -> list[bytes] | None:
        """The datagrams of a packet; None where aioquic has to read it, of which nothing is changed then."""
        from aioquic.quic.crypto import CryptoError  # type: ignore[attr-defined]

        quic, space, begin = self._quic, self._space, 1 + self._own_id_bytes
        if data[0] & 0x80 or data[1:begin] != quic.host_cid or source != quic._network_paths[0].addr:
            return None
        if quic._state is not self._connected or quic._close_pending:
            return None
        try:
            header, frames, number = self._crypto.decrypt_packet(data, begin, space.expected_packet_number)
        except CryptoError:
            return None
        if header[0] & RESERVED_BITS or number in space.received_packets:
            return None
        found = self._datagrams(frames)
        if found is not None:
            self._note(now_s, number, header[0], has_datagrams=bool(found))
        return found

    def _datagrams(self, frames: bytes) -> list[bytes] | None:
        """The datagrams of our session among these frames; None if there is a frame of another kind."""
        from aioquic.buffer import Buffer, BufferReadError  # type: ignore[attr-defined]

        found, rest = [], Buffer(data=frames)
        try:
            while not rest.eof():
                kind = rest.pull_uint8()
                if kind in (DATAGRAM, DATAGRAM_WITH_LENGTH):
                    size = rest.pull_uint_var() if kind == DATAGRAM_WITH_LENGTH else len(frames) - rest.tell()
                    stop = rest.tell() + size
                    if rest.pull_uint_var() != self._session:
                        return None
                    found.append(rest.pull_bytes(stop - rest.tell()))
                elif kind in (ACK, ACK_ECN) and not self._space.sent_packets:
                    _skip_ack(rest, has_ecn=kind == ACK_ECN)
                elif kind != PADDING:
                    return None
        except BufferReadError:
            return None
        return found

    def _note(self, now_s: float, number: int, first: int, *, has_datagrams: bool) -> None:
        """Count a packet as aioquic does."""
        from aioquic.quic.recovery import MAX_ACK_RANGES

        quic, space = self._quic, self._space
        if number > space.expected_packet_number:
            space.expected_packet_number = number + 1
        if number > quic._spin_highest_pn:
            quic._spin_bit, quic._spin_highest_pn = bool(first & SPIN_BIT), number
        quic._close_at = now_s + quic._idle_timeout()
        if number > space.largest_received_packet:
            space.largest_received_packet, space.largest_received_time = number, now_s
        space.ack_queue.add(number)
        space.received_packets.add(number)
        if len(space.ack_queue) > MAX_ACK_RANGES:
            space.ack_queue.shift()
        if has_datagrams and space.ack_at is None:
            space.ack_at = now_s + ACK_WAIT_S


def _skip_ack(frames: Any, *, has_ecn: bool) -> None:
    """Go over the fields of an ACK frame: nothing that it could acknowledge is waited for."""
    frames.pull_uint_var()
    frames.pull_uint_var()
    for _ in range(1 + 2 * frames.pull_uint_var() + 3 * has_ecn):
        frames.pull_uint_var()
