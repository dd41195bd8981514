"""WhatsApp's STUN: it asks its relay with a token, and announces the streams that it will send."""

from __future__ import annotations

from talkpath.apps.contract.shape import Keystream
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type


class RelayClient:
    """Writes the STUN messages of one call: its token, its transaction counter, made-up addresses."""

    def __init__(self, stream: Keystream, token: bytes, size: int) -> None:
        self.token = token + stream.take(size - len(token))
        self.next = stream.number(12) >> 1
        self.seen = b"\x00\x01" + stream.take(6)
        self.relay = b"\x00\x01" + (3478 ^ (stun.MAGIC_COOKIE >> 16)).to_bytes(2, "big") + stream.take(4)
        self.clock_ms = 1_735_689_600_000 + stream.number(5) % 94_608_000_000
        self.stream = stream
        self.last = b""

    def transaction(self) -> bytes:
        """Return the next transaction id: this app counts up by one."""
        self.next += 1
        self.last = self.next.to_bytes(12, "big")
        return self.last

    def allocate(self, ssrcs: tuple[bytes, ...] | None, *, sealed: bool) -> bytes:
        """Write the request for a relay; with `ssrcs` the longer one that announces the streams."""
        attributes = [(Attribute.WA_TOKEN, self.token)]
        if ssrcs is not None:
            tails = b"\x01\x30\x00", b"\x00", b"\x01\x30\x00"
            attributes += [
                (Attribute.WA_STREAM, b"\x03" + ssrc + self.stream.take(8) + tail)
                for ssrc, tail in zip(ssrcs, tails, strict=True)
            ]
        if sealed:
            integrity = self.stream.take(20)
            attributes += [(Attribute.XOR_RELAYED_ADDRESS, self.relay), (Attribute.MESSAGE_INTEGRITY, integrity)]
        return stun.encode_message(
            StunMessage(Type.ALLOCATE_REQUEST, self.transaction(), tuple(attributes), padded=sealed)
        )

    def response(self, at_ms: float, *, sealed: bool) -> bytes:
        """Write the answer to the last request: where it came from, and the relay's clock."""
        clock = (self.clock_ms + round(at_ms)).to_bytes(8, "big")
        attributes = [(Attribute.XOR_MAPPED_ADDRESS, self.seen), (Attribute.WA_SERVER_TIME_MS, clock)]
        attributes += [(Attribute.MESSAGE_INTEGRITY, self.stream.take(20))] if sealed else []
        return stun.encode_message(StunMessage(Type.ALLOCATE_RESPONSE, self.last, tuple(attributes)))
