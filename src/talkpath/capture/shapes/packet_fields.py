"""Reads each packet of a flow: which protocols it is made of, and the fields that stay of it.

What carries other packets is opened first: ChannelData and indications of TURN (RFC 8656), frames of Telegram's
reflector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from talkpath.apps.contract.shape import OTHER_DIRECTION, Direction
from talkpath.apps.recorded.fields import ChecksumField, Field, LengthField, WordField
from talkpath.capture.shapes.dtls_fields import (
    CLIENT_HELLO,
    DtlsPiece,
    dtls_parts,
    dtls_pieces,
    handshake_pieces,
    see_dtls,
)
from talkpath.capture.shapes.evidence import MIN_STREAM_PACKETS, FieldPart, FlowEvidence, join_fields, random_part
from talkpath.capture.shapes.quic_fields import connection_ids, quic_parts, see_quic
from talkpath.capture.shapes.recorded_flow import FlowPacket
from talkpath.capture.shapes.rtp_fields import (
    is_media,
    is_report,
    media_parts,
    report_parts,
    see_media,
    see_reports,
)
from talkpath.capture.shapes.stun_fields import (
    is_reply,
    is_whole_stun,
    message_attributes,
    see_stun,
    settle_stun,
    stun_parts,
)
from talkpath.wire.control.question import PacketStage
from talkpath.wire.rtc.dtls import Content
from talkpath.wire.rtc.reflector import CALL_TAG_BYTES, DATA_BYTES, HELLO_QUERY

_CHANNEL_BYTES: Final = 4
RTCP_BYE: Final = 203
REFLECTOR_MARK: Final = b"\xff" * 12
_MAX_NESTED: Final = 3
Wrapping = Literal["", "channel", "reflector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPacket:
    """A packet and what stays of it. `fields` is None where no known protocol was found.

    `label` begins its kind's name; `request` and `reply` are the transaction id that it asks with or answers; `flight`
    names the parts of a handshake that it holds, so that a repetition is known; `tick` is its RTP timestamp; `farewell`
    says that it ends a call.
    """

    packet: FlowPacket
    label: str = "other"
    stage: PacketStage = "control"
    fields: tuple[Field, ...] | None = None
    align: Literal[1, 2, 4, 8] = 1
    size: int = 0
    request: bytes | None = None
    reply: bytes | None = None
    flight: tuple[object, ...] = ()
    tick: int | None = None
    farewell: bool = False


@dataclass(slots=True)
class Opened:
    """A packet with its outer frame taken off: `data` begins at `start` and ends with the packet, zeros apart."""

    packet: FlowPacket
    data: bytes
    start: int = 0
    wrapping: Wrapping = ""
    pieces: tuple[DtlsPiece, ...] | None = None


@dataclass(slots=True)
class FlowReader:
    """Reads the packets of one flow."""

    packets: Sequence[FlowPacket]
    evidence: FlowEvidence = field(default_factory=FlowEvidence)

    def read(self) -> list[ReadPacket]:
        """Return every packet with its fields."""
        self.evidence.tag = _reflector_tag(self.packets)
        opened = [self._open(packet) for packet in self.packets]
        for one in opened:
            if one.packet.is_whole:
                self._see(one.data, one.start, one.packet.direction, _MAX_NESTED)
        settle_stun(self.evidence)
        legible = [
            (one.packet.at_s, one.packet.direction, one.data)
            for one in opened
            if one.pieces is None and not is_whole_stun(one.data)
        ]
        see_media([one for one in legible if is_media(one[2])], self.evidence)
        see_reports([one for one in legible if is_report(one[2]) and any(one[2][-4:])], self.evidence)
        return [self._read(one) for one in opened]

    def _open(self, packet: FlowPacket) -> Opened:
        data, start = packet.data, 0
        wrapping: Wrapping = ""
        if self.evidence.tag is not None and _is_frame(data, self.evidence.tag):
            size = int.from_bytes(data[DATA_BYTES - 4 : DATA_BYTES], "big")
            data, start, wrapping = data[DATA_BYTES : DATA_BYTES + size], DATA_BYTES, "reflector"
        elif data[0] >> 4 == 4 and int.from_bytes(data[2:4], "big") == len(data) - _CHANNEL_BYTES > 0:  # ChannelData
            data, start, wrapping = data[_CHANNEL_BYTES:], _CHANNEL_BYTES, "channel"
        return Opened(packet, data, start, wrapping, dtls_pieces(data) if packet.is_whole else None)

    def _see(self, data: bytes, start: int, direction: Direction, depth: int) -> None:
        if is_whole_stun(data):
            see_stun(data, start, direction, self.evidence)
            for kind, first, end in message_attributes(data):
                if kind == 0x0013 and depth:
                    self._see(data[first:end], start + first, direction, depth - 1)
        elif pieces := dtls_pieces(data):
            see_dtls(data, pieces, direction, self.evidence)
        else:
            see_quic(data, direction, self.evidence)

    def _read(self, one: Opened) -> ReadPacket:
        direction, data = one.packet.direction, one.data
        if one.wrapping == "" and self.evidence.tag is not None and data[12:28] and data[16:28] == REFLECTOR_MARK:
            return self._reflector_message(one)
        if one.packet.is_whole and is_whole_stun(data):
            return self._stun(one)
        if one.pieces is not None:
            return self._dtls(one, one.pieces)
        parts = quic_parts(data, direction, self.evidence)
        if parts is not None:
            opens = connection_ids(data) is not None
            return self._made(one, parts, "handshake" if opens else "quic", "setup" if opens else "media")
        parts = media_parts(data, direction, self.evidence) if is_media(data) else None
        if parts is not None:
            label = f"rtp{data[1] & 127}{'m' if data[1] & 128 else ''}"
            still = (direction, int.from_bytes(data[8:12], "big")) in self.evidence.still
            stage: PacketStage = "control" if still else "media"  # padding and probes
            return self._made(one, parts, label, stage, tick=int.from_bytes(data[4:8], "big"))
        parts = report_parts(data, direction, self.evidence, one.start) if is_report(data) else None
        if parts is not None:
            return self._made(one, parts, f"rtcp{data[1]}", "control", farewell=data[1] == RTCP_BYE)
        return ReadPacket(packet=one.packet, size=len(one.packet.data))

    def _stun(self, one: Opened) -> ReadPacket:
        data, direction = one.data, one.packet.direction
        parts = stun_parts(data, one.start, direction, self.evidence, partial(self._carried, direction))
        asked = self.evidence.requests.get(data[8:20])
        reply = is_reply(data) and asked is not None and asked[0] != direction
        turn = int.from_bytes(data[:2], "big") & 0x3EEF != 1
        label = f"{'turn' if turn else 'stun'}{int.from_bytes(data[:2], 'big'):x}"
        flight = self._carried_flight(data)
        return self._made(
            one,
            parts,
            label,
            "dtls" if flight else "allocate" if turn else "stun",
            request=None if is_reply(data) or int.from_bytes(data[:2], "big") & 0x0110 else data[8:20],
            reply=data[8:20] if reply else None,
            flight=flight,
        )

    def _carried_flight(self, data: bytes) -> tuple[object, ...]:
        for kind, first, end in message_attributes(data):
            pieces = dtls_pieces(data[first:end]) if kind == 0x0013 else None
            if pieces:
                return _flight(data[first:end], pieces)
        return ()

    def _carried(self, direction: Direction, data: bytes, start: int) -> Iterable[FieldPart]:
        pieces = dtls_pieces(data)
        if is_whole_stun(data):
            return stun_parts(data, start, direction, self.evidence, lambda rest, _: random_part(len(rest)))
        if pieces and not (len(pieces) == 1 and (pieces[0].epoch or not pieces[0].type)):
            return dtls_parts(data, pieces, start, direction, self.evidence)
        return [data[:1], *random_part(len(data) - 1)]

    def _dtls(self, one: Opened, pieces: tuple[DtlsPiece, ...]) -> ReadPacket:
        direction = one.packet.direction
        parts = dtls_parts(one.data, pieces, one.start, direction, self.evidence)
        legible = [part for piece in pieces for part in handshake_pieces(one.data, piece)]
        flight = _flight(one.data, pieces)
        label = "record" if not flight else "hello" if legible and legible[0].type == CLIENT_HELLO else "flight"
        farewell = any(piece.type == Content.ALERT for piece in pieces)
        return self._made(one, parts, label, "dtls" if flight else "control", flight=flight, farewell=farewell)

    def _reflector_message(self, one: Opened) -> ReadPacket:
        """A message to or from the reflector itself: tag, a mark, and what the client asks with."""
        data, direction = one.data, one.packet.direction
        kept = 40 if data[32:] == HELLO_QUERY else 32  # another client's own number is nobody's business
        parts: list[FieldPart] = [WordField("call_tag", CALL_TAG_BYTES), WordField(f"{direction}_id", 4)]
        parts += [data[16:kept], *random_part(len(data) - kept)]
        request, reply = (data[:16], None) if direction == "up" else (None, data[:16])
        return self._made(one, parts, f"reflector{len(data)}", "reflector", request=request, reply=reply)

    def _made(self, one: Opened, parts, label: str, stage: PacketStage, **more) -> ReadPacket:  # type: ignore[no-untyped-def]
        direction, outer = one.packet.direction, list[FieldPart]()
        if one.wrapping == "reflector":
            outer = [WordField("call_tag", CALL_TAG_BYTES), WordField(f"{OTHER_DIRECTION[direction]}_id", 4)]
            outer += [WordField(f"{direction}_id", 4), LengthField(4, -DATA_BYTES)]
        elif one.wrapping == "channel":
            outer = [one.packet.data[:2], LengthField(2, -_CHANNEL_BYTES)]
        return ReadPacket(
            packet=one.packet,
            label=label,
            stage=stage,
            fields=join_fields(_sealed_inside([*outer, *parts])),
            align=4 if one.wrapping == "reflector" else 1,
            size=one.start + len(one.data),
            **more,
        )


def _sealed_inside(parts: list[FieldPart]) -> Iterator[FieldPart]:
    """Yield the parts, with check sums of messages that end inside the packet as random bytes."""
    for number, part in enumerate(parts):
        if isinstance(part, ChecksumField) and number < len(parts) - 1:
            yield b"\x80\x28\x00\x04"
            yield from random_part(4)
        else:
            yield part


def _flight(data: bytes, pieces: tuple[DtlsPiece, ...]) -> tuple[object, ...]:
    """Name what a datagram has of a handshake: legible messages by type, number and place; sealed ones by size."""
    named: list[object] = []
    for piece in pieces:
        named += [(one.type, one.number, one.offset) for one in handshake_pieces(data, piece)]
        if (piece.type == 22 and piece.epoch) or (piece.type == 0 and piece.epoch == 2):
            named.append(piece.end - piece.start)
    return tuple(named)


def _is_frame(data: bytes, tag: bytes) -> bool:
    size = int.from_bytes(data[DATA_BYTES - 4 : DATA_BYTES], "big")
    return data[:CALL_TAG_BYTES] == tag and len(data) > DATA_BYTES and len(data) - DATA_BYTES - size == -size % 4


def _reflector_tag(packets: Sequence[FlowPacket]) -> bytes | None:
    """Return the tag that most packets begin with, where they are frames of a reflector."""
    tags = Counter(one.data[:CALL_TAG_BYTES] for one in packets)
    tag, count = tags.most_common(1)[0] if tags else (b"", 0)
    frames = sum(_is_frame(one.data, tag) for one in packets)
    return tag if count > len(packets) / 2 and frames >= max(MIN_STREAM_PACKETS, 0.8 * count) else None
