"""Writes the packets of a WebRTC call on a sheet, slot by slot.

What a slot is follows from its stage, direction and size, from what it answers, and from the app's facts.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from talkpath.apps.contract.shape import Direction, Schedule, Slot
from talkpath.apps.families.rtc_facts import (
    ELEMENT_BYTES,
    VIDEO_FROM_BYTES,
    Element,
    Elements,
    Extra,
    RtcFacts,
    RtcStream,
)
from talkpath.apps.families.rtc_media import VOICE_STEP_MS
from talkpath.apps.families.rtc_sheet import Sheet
from talkpath.wire.pattern import PacketPattern, blank_pattern, join_patterns, literal_pattern
from talkpath.wire.rtc import dtls, dtls_flights, stun
from talkpath.wire.rtc.dtls import Content
from talkpath.wire.rtc.dtls_flights import FlightDatagram
from talkpath.wire.rtc.rtp import ONE_BYTE_PROFILE
from talkpath.wire.rtc.stun import Attribute, Type

WIFI: Final = b"\x00\x03\x00\x0a"  # network info: id 3, cost 10, in the captures' requests on a direct path
FAR: Final = b"\x00\x03\x03\x84"  # the peer's: cost 900, a mobile network
PRIORITY: Final[dict[Direction, bytes]] = {"up": b"\x6e\x7f\x1e\xff", "down": b"\x6e\x7f\x20\xff"}
INTEGRITY_BYTES: Final = 20
OPUS_STEP: Final = 960  # 20 ms at 48 kHz
RATES: Final = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)  # multiples of the app's own that a contrast may ask for
VIDEO_KHZ: Final = 90
STUN_HEADER: Final = struct.Struct("!HHI12x")
PLAIN_ELEMENTS: Final[dict[Element, PacketPattern]] = {
    "level": blank_pattern(1, first=0x80, clear=0x40),  # speaking, 0 to -63 dBov
    "mid": literal_pattern(b"0"),
    "orientation": literal_pattern(b"\x00"),
}


class HeaderPattern(NamedTuple):
    """The common part of the headers of a stream's packets. `stream` is its number on the sheet, `sequence_at` where a
    transport-wide number goes (0: there is none), `clocks` are (where, element) of those that hold the time."""

    stream: int
    pattern: PacketPattern
    sequence_at: int
    clocks: tuple[tuple[int, Element], ...]


def write_sheet(facts: RtcFacts, schedule: Schedule) -> Sheet:
    """Write the sheet of all flows that follow this schedule."""
    return _Writer(facts, schedule).write()


class _Writer:
    def __init__(self, facts: RtcFacts, schedule: Schedule) -> None:
        self._facts, self._slots = facts, schedule.slots
        self._sheet = Sheet()
        self._extras = {(extra.direction, extra.size): extra for extra in facts.extras}
        self._streams: dict[tuple[Direction, int], int] = {}
        self._heads: dict[tuple[Direction, int, Elements], HeaderPattern] = {}
        self._sent: dict[tuple[object, ...], int] = defaultdict(int)
        self._timing: dict[int, tuple[int, bool]] = {}
        for way in ("up", "down"):
            media = [i for i, slot in enumerate(self._slots) if slot.stage == "media" and slot.direction == way]
            self._timing.update(_voice_ticks(self._slots, [i for i in media if self._slots[i].size < VIDEO_FROM_BYTES]))
            self._timing.update(
                _picture_ticks(self._slots, [i for i in media if self._slots[i].size >= VIDEO_FROM_BYTES])
            )

    def write(self) -> Sheet:
        """Return the sheet. A retry, and every further answer to one request, has the bytes of the first."""
        sheet, slots = self._sheet, self._slots
        replies: dict[int, int] = {}
        for place, slot in enumerate(slots):
            same = slot.retry_of
            if slot.answers is not None:
                first = slots[slot.answers].retry_of
                root = slot.answers if first is None else first
                same = replies.setdefault(root, place)
            if same is not None and same != place:
                sheet.spans.append(sheet.spans[same])
                continue
            start = sheet.end
            self._one(place, slot)
            sheet.close(start)
        sheet.finish()
        return sheet

    def _one(self, place: int, slot: Slot) -> None:
        if slot.stage == "media":
            step, marker = self._timing[place]
            self._rtp(self._facts.stream_of(slot.size), slot, step, marker)
        elif slot.stage == "dtls":
            self._dtls(slot)
        elif slot.answers is not None:
            self._answer(slot, slot.answers)
        elif (slot.direction, slot.size) in self._extras:
            self._beside(self._extras[slot.direction, slot.size], slot)
        else:
            self._check(place, slot)

    # ------------------------------------------------------------ STUN

    def _stun(self, kind: Type, size: int, place: int) -> int:
        start = self._sheet.fixed(STUN_HEADER.pack(kind, size - stun.STUN_HEADER_BYTES, stun.MAGIC_COOKIE))
        self._sheet.copy(start + 8, self._sheet.word(f"transaction{place}", 12, text=True))
        return start

    def _attribute(self, kind: Attribute, value: bytes) -> int:
        """Return where the value begins."""
        return 4 + self._sheet.fixed(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4))

    def _closing(self, start: int) -> None:
        self._sheet.fixed(struct.pack("!HH", Attribute.MESSAGE_INTEGRITY, INTEGRITY_BYTES))
        self._sheet.random(INTEGRITY_BYTES)
        self._attribute(Attribute.FINGERPRINT, bytes(4))
        self._sheet.seal(start)

    def _check(self, place: int, slot: Slot) -> None:
        ice, sheet, up = self._facts.ice, self._sheet, slot.direction == "up"
        start = self._stun(Type.BINDING_REQUEST, slot.size, place)
        near, far = sheet.word("near", 4, text=True), sheet.word("far", ice.name_bytes, text=True)
        names = (bytes(ice.name_bytes) + ice.name_tail, bytes(4))[:: 1 if up else -1]
        at = self._attribute(Attribute.USERNAME, b":".join(names))
        sheet.copy(at, far if up else near)
        sheet.copy(at + len(names[0]) + 1, near if up else far)
        self._attribute(Attribute.NETWORK_INFO, WIFI if up else FAR)
        role = Attribute.ICE_CONTROLLING if up else Attribute.ICE_CONTROLLED
        sheet.copy(self._attribute(role, bytes(8)), sheet.word(slot.direction + " tie", 8))
        if slot.stage == "control" and up and slot.size == ice.nominating_bytes:
            if ice.nominates == "nomination":
                self._attribute(Attribute.NOMINATION, b"\x00\x00\x00\x01")
            else:
                self._attribute(Attribute.USE_CANDIDATE, b"")
        self._attribute(Attribute.PRIORITY, PRIORITY[slot.direction])
        if slot.stage == "stun" and ice.delta:
            self._attribute(Attribute.GOOG_DELTA, b"\x00\x01")
        self._closing(start)

    def _answer(self, slot: Slot, asked: int) -> None:
        start = self._stun(Type.BINDING_RESPONSE, slot.size, asked)
        at = self._attribute(Attribute.XOR_MAPPED_ADDRESS, b"\x00\x01" + bytes(6))
        self._sheet.copy(at + 2, self._sheet.word(slot.direction + " mapped", 6))
        if slot.stage == "stun" and self._facts.ice.first_reply_bytes == 72:
            self._attribute(Attribute.GOOG_DELTA, b"\x00\x01")
        self._closing(start)

    # ------------------------------------------------------------ DTLS

    def _dtls(self, slot: Slot) -> None:
        flight = self._flight(slot)
        at = self._sheet.put(flight.pattern)
        if flight.dates_at:
            self._sheet.dates(at + flight.dates_at, flight.days)

    def _flight(self, slot: Slot) -> FlightDatagram:
        if slot.answers is None:
            return FlightDatagram(next(hello for hello in _HELLOS if len(hello) == slot.size))
        if slot.direction == "up":
            return _of_size([dtls_flights.client_flight(wide) for wide in SIGNATURE_WIDTHS], slot.size)
        if self._slots[slot.answers].answers is not None:
            return dtls_flights.server_finish()
        if self._facts.server == "sfu":
            return dtls_flights.sfu_server_flight()
        return _of_size([dtls_flights.peer_server_flight(wide) for wide in SIGNATURE_WIDTHS], slot.size)

    def _record(self, slot: Slot) -> None:
        """Application data of epoch 1 after Finished: the explicit nonce is epoch and number again."""
        number = self._next(slot.direction, "record")
        nonce = struct.pack("!HHI", 1, 0, number)
        body = join_patterns(nonce, blank_pattern(slot.size - dtls.RECORD_HEADER_BYTES - len(nonce)))
        self._sheet.put(dtls.encode_record(Content.APPLICATION_DATA, number, body, epoch=1))

    def _next(self, *counter: object) -> int:
        """Return the next number: 1, 2, 3 ..."""
        self._sent[counter] += 1
        return self._sent[counter]

    # ------------------------------------------------------------ RTP and RTCP

    def _stream(self, stream: RtcStream, direction: Direction) -> tuple[str, int | None, int]:
        """Return its SSRC (a word of the sheet, or fixed) and its number on the sheet."""
        name, way = f"{direction} {stream.payload_type}", ("up", "down").index(direction)
        ssrc = stream.ssrc[way] if stream.ssrc else None
        known = self._streams.get((direction, stream.payload_type))
        if known is None:
            known = self._sheet.stream(name, ssrc, from_one=stream.from_one, still=stream.still)
            self._streams[direction, stream.payload_type] = known
        return name, ssrc, known

    def _rtp(self, stream: RtcStream, slot: Slot, step: int, marker: bool) -> None:
        key = slot.direction, stream.payload_type, stream.elements_of(slot.size)
        head = self._heads.get(key)
        if head is None:
            _, _, number = self._stream(stream, slot.direction)
            head = self._heads[key] = _rtp_head(number, stream, key[2], stream.header_bytes(slot.size))
        sheet, fixed = self._sheet, bytearray(head.pattern.fixed)
        fixed[1] |= marker << 7
        if head.sequence_at:
            fixed[head.sequence_at : head.sequence_at + 2] = self._next("transport", slot.direction).to_bytes(2, "big")
        at = sheet.masked(bytes(fixed), head.pattern.mask)
        sheet.header(at, head.stream, self._next("rtp", slot.direction, head.stream) - 1, step)
        for place, name in head.clocks:
            patch = sheet.time if name == "send_time" else sheet.stamp
            patch(at + place, f"{slot.direction} {name}", slot.at_ms)
        sheet.random(slot.size - len(fixed))

    def _beside(self, extra: Extra, slot: Slot) -> None:
        if extra.stream is not None:
            self._rtp(extra.stream, slot, 0, False)
        elif extra.report:
            self._report(extra, slot)
        else:
            self._record(slot)

    def _report(self, extra: Extra, slot: Slot) -> None:
        sheet = self._sheet
        at = sheet.fixed(extra.report + (extra.ssrc or 0).to_bytes(4, "big")) + 4
        name = f"{slot.direction} {extra.ssrc or 'own'}"
        if extra.source != "own":
            stream = self._facts.video if extra.source == "video" and self._facts.video else self._facts.voice
            name, ssrc, _ = self._stream(stream, slot.direction)
            if ssrc is None:
                sheet.copy(at, name)
        elif extra.ssrc is None:
            sheet.copy(at, sheet.word(name, 4))
        before = self._facts.tag_bytes == 10
        sheet.random(slot.size - (22 if before else 12))
        sheet.fixed((0x80000000 | self._next("report", name)).to_bytes(4, "big"))
        sheet.random(10 if before else 0)


def _rtp_head(number: int, stream: RtcStream, elements: Elements, size: int) -> HeaderPattern:
    """Return the header of RFC 3550 section 5.1, and the extension of RFC 8285 where there are elements."""
    first = 0x80 | stream.padded << 5 | (0x10 if elements else 0)
    extension = struct.pack("!HH", ONE_BYTE_PROFILE, (size - 16) // 4) if elements else b""
    pattern = join_patterns(bytes((first, stream.payload_type)) + bytes(10) + extension)
    clocks: list[tuple[int, Element]] = []
    sequence_at = 0
    for identity, name in elements:
        at, width = len(pattern) + 1, ELEMENT_BYTES[name]
        pattern += join_patterns(
            bytes((identity << 4 | width - 1,)), PLAIN_ELEMENTS.get(name, literal_pattern(bytes(width)))
        )
        if name == "sequence":
            sequence_at = at
        elif name not in PLAIN_ELEMENTS:
            clocks.append((at, name))
    return HeaderPattern(number, join_patterns(pattern, bytes(size - len(pattern))), sequence_at, tuple(clocks))


SIGNATURE_WIDTHS: Final = range(dtls_flights.ECDSA_NUMBERS + 1)
_HELLOS: Final = tuple(dtls.client_hello(shape) for shape in dtls.CLIENT_HELLOS)


def _of_size(flights: list[FlightDatagram], size: int) -> FlightDatagram:
    return next(flight for flight in flights if len(flight.pattern) == size)


def _voice_ticks(slots: tuple[Slot, ...], places: list[int]) -> Iterator[tuple[int, tuple[int, bool]]]:
    """Return for each voice packet of one direction 48-kHz ticks since the first, and is it the first?"""
    gaps = [slots[b].at_ms - slots[a].at_ms for a, b in pairwise(places)]
    usual = median(gaps) if gaps else VOICE_STEP_MS
    step_ms = min((VOICE_STEP_MS / rate for rate in RATES), key=lambda step: abs(step - usual))
    steps = 0
    for place in places:
        if place != places[0]:
            steps = max(steps + 1, round((slots[place].at_ms - slots[places[0]].at_ms) / step_ms))
        yield place, (OPUS_STEP * steps, place == places[0])


def _picture_ticks(slots: tuple[Slot, ...], places: list[int]) -> Iterator[tuple[int, tuple[int, bool]]]:
    """Return for each video packet of one direction 90-kHz ticks of its picture, and is it the picture's last
    packet?"""
    gaps = [slots[b].at_ms - slots[a].at_ms for a, b in pairwise(places)]
    new = max(gaps, default=0.0) / 4
    shown_ms = slots[places[0]].at_ms if places else 0.0
    first_ms = shown_ms
    for number, place in enumerate(places):
        if number and gaps[number - 1] > new:
            shown_ms = slots[place].at_ms
        last = number == len(gaps) or gaps[number] > new
        yield place, (VIDEO_KHZ * round(shown_ms - first_ms), last)
