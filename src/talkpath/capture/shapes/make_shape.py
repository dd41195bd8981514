"""Makes the shape of a call from the flows of one or several recordings of it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from msgspec.structs import replace

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES, Direction
from talkpath.apps.recorded.check_shape import check_shape
from talkpath.apps.recorded.fields import MAX_PACKET_BYTES, Field, ShuffledField
from talkpath.apps.recorded.layout import has_rest, key_offset
from talkpath.apps.recorded.record import (
    MAX_SHAPE_KINDS,
    MIN_PACKET_BYTES,
    PacketBlock,
    PacketKind,
    RecordedShape,
    ShapeOrigin,
    WrittenMessage,
)
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.dtls_fields import CLIENT_HELLO, message_name
from talkpath.capture.shapes.evidence import FlowEvidence, join_fields
from talkpath.capture.shapes.hello_fields import client_hello_groups, handshake_parts
from talkpath.capture.shapes.packet_fields import FlowReader, ReadPacket
from talkpath.capture.shapes.recorded_flow import FlowPacket, RecordedFlow
from talkpath.capture.shapes.shape_blocks import cut_blocks, sequence_packets
from talkpath.capture.shapes.shape_setup import NamedPacket, setup_steps
from talkpath.capture.shapes.unknown_fields import group_unknown, read_unknown
from talkpath.errors import FileError
from talkpath.wire.control.question import PacketStage

MAX_RECORDINGS: Final = 16
MIN_MEDIA_A_SECOND: Final = 4.0
MEDIA_RUN_PACKETS: Final = 10
MEDIA_RUN_S: Final = 2.0
FAREWELL_S: Final = 0.5  # what is sent in the last moments of a call is its end, and is in no block
BLOCK_PACKETS: Final = ((1600, 4), (1200, 4), (800, 4), (500, 4), (300, 4), (150, 4), (150, 2), (150, 1))
"""How many packets of steady blocks a direction has, and how many blocks of each part of a call's beginning; fewer are
tried where a shape grows too large."""


@dataclass(slots=True)
class _Call:
    """One recording: its packets read, with the names of their kinds, and where its media begins."""

    packets: list[ReadPacket]
    evidence: FlowEvidence
    names: list[str] = field(default_factory=list)
    media_at: int = 0


def make_shape(flows: Sequence[RecordedFlow], name: str, origin: ShapeOrigin | None = None) -> RecordedShape:
    """Return the shape of the calls in these flows, one of each recording. `origin` may say engine, version and day."""
    if not 1 <= len(flows) <= MAX_RECORDINGS:
        raise FileError(f"A shape is made from 1 to {MAX_RECORDINGS} recordings.")
    return _Maker(flows, name, origin or ShapeOrigin()).make()


def plain_name(text: str) -> str:
    """Return a name for a shape from a file's name."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_0123456789")[:30] or "call"


class _Maker:
    def __init__(self, flows: Sequence[RecordedFlow], name: str, origin: ShapeOrigin) -> None:
        self._flows, self._name, self._origin = flows, name, origin
        self._calls: list[_Call] = []
        self._kinds: dict[tuple[object, ...], PacketKind] = {}
        self._messages: dict[str, WrittenMessage] = {}
        self._left_out = Counter[str]()

    def make(self) -> RecordedShape:
        """Return the shape; `FileError` where the recordings show no call of packets that can be told apart."""
        for flow in self._flows:
            reader = FlowReader(flow.packets)
            self._calls.append(_Call(reader.read(), reader.evidence))
        self._read_unknown()
        self._write_messages()
        self._name_kinds()
        for call in self._calls:
            call.media_at = _media_begin(call.packets)
        return self._shape()

    def _read_unknown(self) -> None:
        """Give packets of no known protocol their fields, from the evidence of all recordings."""
        flows = [[one.packet for one in call.packets if one.fields is None] for call in self._calls]
        read: dict[int, ReadPacket] = {}
        taken = Counter[str]()
        for (direction, mark), packets in group_unknown(flows).items():
            name = f"{direction}_{mark[:1].hex() or 'any'}"
            taken[name] += 1
            fields = read_unknown(name if taken[name] == 1 else f"{name}x{taken[name]}", packets)
            label = f"data{mark[:1].hex()}"
            is_rare = sum(map(len, packets)) <= 2 * len(packets)
            stage: PacketStage = "media" if _is_media(packets) else "setup" if is_rare else "control"
            for one in (packet for flow in packets for packet in flow):
                read[id(one)] = ReadPacket(packet=one, label=label, stage=stage, fields=fields, size=len(one.data))
        for call in self._calls:
            call.packets = [read.get(id(one.packet), one) for one in call.packets]

    def _write_messages(self) -> None:
        """Write the messages of each recording's handshake. Those of several that differ only in the order of their
        extensions are one, whose order is random; others get names of their own."""
        heads = defaultdict[str, list[tuple[int, tuple[Field, ...], tuple[tuple[Field, ...], ...]]]](list)
        for number, call in enumerate(self._calls):
            for (direction, kind, place), body in call.evidence.messages.items():
                head, groups = _message_groups(kind, body)
                heads[message_name(direction, kind, place)].append((number, head, groups))
        for name, found in heads.items():
            alike = {(head, tuple(sorted(groups, key=repr))) for _, head, groups in found}
            orders = {groups for _, _, groups in found}
            if len(alike) == 1:
                _, head, groups = found[0]
                inner = (ShuffledField(groups),) if len(orders) > 1 else tuple(one for group in groups for one in group)  # type: ignore[arg-type]
                self._messages[name] = WrittenMessage(name=name, fields=join_fields([*head, *inner]))
                continue
            for number, head, groups in found:
                inner = tuple(one for group in groups for one in group)
                own = f"{name}_{number}"
                self._messages[own] = WrittenMessage(name=own, fields=join_fields([*head, *inner]))
                self._rename_parts(self._calls[number], name, own)

    def _rename_parts(self, call: _Call, name: str, own: str) -> None:
        for place, one in enumerate(call.packets):
            renamed = (replace(f, message=own) if getattr(f, "message", "") == name else f for f in one.fields or ())
            call.packets[place] = dataclasses.replace(one, fields=tuple(renamed))

    def _name_kinds(self) -> None:
        """Give each kind a name: what it is, its direction, and a number where there are several."""
        taken = Counter[str]()
        seen = defaultdict[str, list[int]](list)  # of each kind, the recording of each packet
        for number, call in enumerate(self._calls):
            for one in call.packets:
                direction = one.packet.direction
                key = (direction, one.align, one.fields, one.stage, one.label)
                if key not in self._kinds:
                    stem = f"{one.label}_{direction}"[:16]
                    taken[stem] += 1
                    name = stem if taken[stem] == 1 else f"{stem}_{taken[stem]}"
                    told = (
                        "protocol"
                        if not one.label.startswith("data")
                        else "recordings"
                        if len(self._calls) > 1
                        else "one"
                    )
                    self._kinds[key] = PacketKind(
                        name=name,
                        direction=direction,
                        stage=one.stage,
                        fields=one.fields or (),
                        align=one.align,
                        told=told,  # type: ignore[arg-type]
                    )
                name = self._kinds[key].name
                call.names.append(name)
                seen[name].append(number)
        self._kinds = {
            key: replace(kind, packets=len(seen[kind.name]), recordings=len(set(seen[kind.name])))
            for key, kind in self._kinds.items()
        }

    # ------------------------------------------------------------ what is played

    def _shape(self) -> RecordedShape:
        for steady, openings in BLOCK_PACKETS:
            self._left_out = Counter()
            shape = self._assembled(steady, openings)
            try:
                data = write_shape_text(shape)
            except FileError:
                continue
            if len(data) <= MAX_SHAPE_TEXT_BYTES:
                check_shape(shape)
                return shape
        raise FileError("The shape of this call takes more than 64 kB; use fewer recordings.")

    def _assembled(self, steady: int, openings: int) -> RecordedShape:
        kinds = {kind.name: kind for kind in self._kinds.values()}
        answers = self._answers(kinds)
        setups = [setup_steps(self._setup_packets(call, kinds)) for call in self._calls]
        blocks: list[PacketBlock] = []
        for direction in ("up", "down"):
            calls = [sequence_packets(self._block_packets(call, direction, kinds, answers)) for call in self._calls]
            blocks += cut_blocks([call for call in calls if call], direction, steady, openings)
        used = {packet.kind for block in blocks for packet in block.packets}
        used |= {step.kind for setup in setups for step in setup}
        used |= {answer for answer, asked in answers.items() if asked in used}
        if len(used) > MAX_SHAPE_KINDS:
            raise FileError("These recordings show more kinds of packets than a shape has; are they calls of one app?")
        kept = [replace(kind, answers=answers.get(kind.name)) for kind in kinds.values() if kind.name in used]
        messages = {getattr(one, "message", "") for kind in kept for one in kind.fields}
        return RecordedShape(
            name=self._name,
            medium="video" if any(flow.medium == "video" for flow in self._flows) else "voice",
            origin=self._told_origin(),
            kinds=tuple(kept),
            messages=tuple(one for one in self._messages.values() if one.name in messages),
            setups=tuple(setup for setup in setups if setup),
            blocks=tuple(blocks),
            media_ms=max(200.0, *(setup[-1].at_ms + 20 for setup in setups if setup), 0.0),
        )

    def _answers(self, kinds: dict[str, PacketKind]) -> dict[str, str]:
        """Return the kinds that answer others during the call: each time one of these was asked, and always."""
        pairs, replies = Counter[tuple[str, str]](), Counter[str]()
        for call in self._calls:
            asked = {one.request: name for one, name in zip(call.packets, call.names, strict=True) if one.request}
            for one, name in zip(call.packets[call.media_at :], call.names[call.media_at :], strict=True):
                if one.reply is not None:
                    replies[name] += 1
                    if one.reply in asked:
                        pairs[name, asked[one.reply]] += 1
        chosen: dict[str, str] = {}
        for (name, asked_name), _ in pairs.most_common():
            taken = {*chosen, *chosen.values()}
            if name not in taken and asked_name not in taken and not has_rest(kinds[name].fields):
                chosen[name] = asked_name
        return chosen

    def _setup_packets(self, call: _Call, kinds: dict[str, PacketKind]) -> list[NamedPacket]:
        every = list(zip(call.packets[: call.media_at], call.names, strict=False))
        contents = defaultdict[str, set[bytes]](set)
        for one, name in every:
            contents[name].add(one.packet.data)
        return [
            NamedPacket(one, name)
            for one, name in every
            if kinds[name].stage != "media"
            and self._is_told(kinds[name], one, answer=one.reply is not None, once=len(contents[name]) == 1)
        ]

    def _block_packets(
        self, call: _Call, direction: Direction, kinds: dict[str, PacketKind], answers: dict[str, str]
    ) -> list[NamedPacket]:
        out: list[NamedPacket] = []
        end_s = call.packets[-1].packet.at_s - FAREWELL_S
        for one, name in zip(call.packets[call.media_at :], call.names[call.media_at :], strict=True):
            kind = kinds[name]
            if one.packet.direction != direction or name in answers or one.flight or one.farewell:
                continue
            if one.packet.at_s > end_s:
                break
            if one.reply is not None:
                self._left_out["replies that are not the usual ones"] += 1
            elif self._is_told(kind, one):
                out.append(NamedPacket(one, name))
        first = next((n for n, one in enumerate(out) if kinds[one.kind].stage == "media"), 0)
        return out[first:]

    def _is_told(self, kind: PacketKind, one: ReadPacket, *, answer: bool = False, once: bool = False) -> bool:
        messages = {message.name: message.fields for message in self._messages.values()}
        told = (
            one.size >= MIN_PACKET_BYTES
            and key_offset(kind.fields, one.size, messages, answer=answer, once=once) is not None
        )
        if not told:
            self._left_out[f"{kind.direction}, {one.size} bytes, nothing tells them apart"] += 1
        return told

    def _told_origin(self) -> ShapeOrigin:
        packets = [packet for flow in self._flows for packet in flow.packets]
        notes = [f"{count} packets left out: {what}" for what, count in self._left_out.most_common(8)]
        if partial := sum(not packet.is_whole for packet in packets):
            notes.insert(0, f"{partial} packets recorded in part: of a whole recording more would be told")
        if cut := sum(packet.is_cut for packet in packets):
            notes.insert(0, f"{cut} packets cut to {MAX_PACKET_BYTES} bytes: paths carry larger ones in fragments")
        apps = Counter(flow.app for flow in self._flows)
        return replace(
            self._origin,
            app=self._origin.app if self._origin.app != "unknown" else apps.most_common(1)[0][0],
            recordings=len(self._flows),
            packets=len(packets),
            seconds=round(sum(flow.packets[-1].at_s for flow in self._flows), 1),
            left_out=sum(self._left_out.values()),
            notes=(*self._origin.notes, *notes)[:16],
        )


def _message_groups(kind: int, body: bytes) -> tuple[tuple[Field, ...], tuple[tuple[Field, ...], ...]]:
    """Return the fields of a message up to its extensions, and those of each extension of a ClientHello."""
    if kind == CLIENT_HELLO:
        try:
            head, groups = client_hello_groups(body)
            return join_fields(head), tuple(map(join_fields, groups))
        except (ValueError, IndexError):
            pass
    return join_fields(handshake_parts(kind, body)), ()


def _is_media(flows: Iterable[Sequence[FlowPacket]]) -> bool:
    """Whether packets of a group come at the pace of voice, in most of the recordings that have them."""
    rates = [len(flow) / max(flow[-1].at_s - flow[0].at_s, 1.0) for flow in flows if flow]
    return median(rates) >= MIN_MEDIA_A_SECOND


def _media_begin(packets: Sequence[ReadPacket]) -> int:
    """Return the place of the first media packet that others follow at once."""
    media = [place for place, one in enumerate(packets) if one.stage == "media"]
    for number, place in enumerate(media):
        last = media[min(number + MEDIA_RUN_PACKETS, len(media) - 1)]
        if packets[last].packet.at_s - packets[place].packet.at_s < MEDIA_RUN_S:
            return place
    raise FileError("No steady media was found in this flow; name another one by --flow N.")
