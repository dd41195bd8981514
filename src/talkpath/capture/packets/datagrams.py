"""Classifies each datagram by its first bytes (RFC 7983, RFC 9443) and opens what it carries.

TURN's ChannelData and indications (RFC 8656), Microsoft's multiplexed TURN, Telegram's reflector frames and the
wrappings that app files declare are opened, layer by layer, for whole blocks at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.byte_hints import ByteHintTable
from talkpath.capture.packets.flows import Directions, hash_words
from talkpath.wire.pcap.arrays import Bools, Bytes, Ints, big16, big32, big64, bytes_at, is_among, marks_of
from talkpath.wire.rtc.dtls import LEAST_SEALED_BYTES, UNIFIED_BYTES, UNIFIED_HEADER

STUN, DTLS, RTP, RTCP, QUIC, OTHER = range(1, 7)
PLAIN, TURN, WRAPPED, TLS = range(4)
DATAGRAM_HEAD_BYTES = 48
HEAD_TYPE = np.dtype(f"V{DATAGRAM_HEAD_BYTES}")
CAPTURED_MASKS = (
    np.where(np.arange(DATAGRAM_HEAD_BYTES) < np.arange(DATAGRAM_HEAD_BYTES)[:, None], 0xFF, 0)
    .astype(np.uint8)
    .view(np.uint64)
)
"""The bits of a head that are there, in words, by the number of bytes that were captured."""
MOST_LAYERS, RTP_BYTES = 3, 12
QUIC_VERSION_NUMBERS = np.array((0x00000000, 0x00000001, 0x6B3343CF), np.int64)
CARRYING_MESSAGES = marks_of(0x0016, 0x0017, 0x0004, 0x0115, bits=16)
"""Send and Data (RFC 8656), Send request and Data indication (MS-TURN section 2.2.1)."""
REFRESH, ALERT_BYTES = 0x0004, 24
CLASSIC_STUN_MESSAGES = marks_of(0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112, bits=16)

Seconds = NDArray[np.float64]
KindCodes = NDArray[np.uint8]


@dataclass(slots=True)
class Datagrams:
    """Datagrams of one block; arrays have shape (n,), `head` (n, HEAD) with zeros where nothing was captured.

    `outer_at` and `outer_size` are the place and size of the datagram on the wire; `at`, `size`, `captured` are those
    of what it carries. `outer` is PLAIN, TURN or WRAPPED (an app's own header); `tcp` says that it came over TCP.
    """

    data: Bytes
    time_s: Seconds
    flow: Ints
    direction: Directions
    outer_at: Ints
    outer_size: Ints
    at: Ints
    size: Ints
    captured: Ints
    outer: KindCodes
    kind: KindCodes
    head: Bytes
    tcp: bool = False

    def __len__(self) -> int:
        return len(self.at)

    def of_flows(self, time_s: Seconds, flow: Ints, direction: Directions) -> Datagrams:
        """Set the columns that `open_payloads` leaves open."""
        self.time_s, self.flow, self.direction = time_s, flow, direction
        return self


def open_payloads(
    data: Bytes, at: Ints, size: Ints, captured: Ints, wrappings: ByteHintTable, tcp: bool = False
) -> Datagrams:
    """Classify the payloads at these offsets and open what carries others. The columns that tell their flows have no
    rows yet."""
    head = _datagram_heads(data, at, captured)
    out = Datagrams(
        data=data,
        time_s=np.zeros(0),
        flow=np.zeros(0, np.int64),
        direction=np.zeros(0, np.int8),
        outer_at=at,
        outer_size=size,
        at=at.copy(),
        size=size.copy(),
        captured=captured.copy(),
        outer=np.zeros(len(at), np.uint8),
        kind=datagram_kinds(head, size, captured),
        head=head,
        tcp=tcp,
    )
    rows = np.arange(len(at))
    for _ in range(MOST_LAYERS):
        rows = _open_layer(out, rows, wrappings)
        if not len(rows):
            break
    return out


def _datagram_heads(data: Bytes, at: Ints, captured: Ints) -> Bytes:
    head = bytes_at(data, at, DATAGRAM_HEAD_BYTES)
    short = np.flatnonzero(captured < DATAGRAM_HEAD_BYTES)
    whole = head.view(HEAD_TYPE).ravel()
    words = whole[short].view(np.uint64).reshape(len(short), DATAGRAM_HEAD_BYTES // 8)
    words &= CAPTURED_MASKS[captured[short]]
    whole[short] = words.view(HEAD_TYPE).ravel()
    return head


def datagram_kinds(head: Bytes, size: Ints, captured: Ints) -> KindCodes:
    """Return STUN, DTLS, RTP (where its fixed header was captured), RTCP, QUIC (long headers) or OTHER for each
    datagram."""
    first, second = head[:, 0], head[:, 1]
    kind = np.full(len(head), OTHER, np.uint8)
    version = (first >> 6 == 2) & (size >= RTP_BYTES)
    report = (second >= 192) & (second <= 223)
    kind[version & report] = RTCP
    media = np.flatnonzero(version & ~report & (captured >= RTP_BYTES))
    kind[media[_has_room(head, media, first[media], size[media])]] = RTP
    low = np.flatnonzero(first < 64)
    dtls = _is_dtls(head[low], size[low]) | _sealed(head[low], size[low])
    kind[low] = np.where(_is_stun(head[low], size[low]), STUN, np.where(dtls, DTLS, OTHER))
    long = np.flatnonzero(first >= 192)
    kind[long] = np.where(_is_quic(head[long]), QUIC, OTHER)
    return kind


def may_be_cut_media(batch: Datagrams, rows: Ints) -> Bools:
    """Tell of which datagrams of no known kind too little was recorded to tell that they are no RTP."""
    captured = batch.captured[rows]
    is_short = captured < np.minimum(batch.size[rows], RTP_BYTES)
    return np.asarray(is_short & ((batch.head[rows, 0] >> 6 == 2) | (captured == 0)), np.bool_)


def answers_to_checks(batch: Datagrams, stun: Ints) -> tuple[Ints, Seconds]:
    """Return the rows of STUN answers, and how long each came after the first request of its transaction (RFC 8489
    section 5)."""
    key = hash_words(big64(batch.head[stun], 12)) ^ batch.flow[stun].astype(np.uint64)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    asked, after_s = stun[first][place], batch.time_s[stun] - batch.time_s[stun[first]][place]
    is_answer = (batch.head[stun, 0] & 1 == 1) & (batch.head[asked, 0] & 1 == 0)
    places = np.flatnonzero(is_answer & (batch.direction[asked] != batch.direction[stun]) & (after_s >= 0))
    return stun[places], after_s[places]


def _has_room(head: Bytes, rows: Ints, first: Bytes, size: Ints) -> Bools:
    """Do the contributing sources and the extension of an RTP header fit into these datagrams?"""
    room = size - RTP_BYTES - ((first & 15) << 2)
    extended = np.flatnonzero((first & 0x1F) == 0x10)
    room[extended] -= 4 + 4 * big16(head[rows[extended], 14:16], 0)
    return room >= 0


def _is_stun(head: Bytes, size: Ints) -> Bools:
    cookie = (big32(head, 4) == 0x2112A442) & (size >= 20)
    classic = CLASSIC_STUN_MESSAGES[big16(head, 0)] & (big16(head, 2) == size - 20)
    return np.asarray(cookie | classic, np.bool_)


def _is_dtls(head: Bytes, size: Ints) -> Bools:
    record = (head[:, 0] >= 20) & (head[:, 1] == 0xFE) & (head[:, 2] >= 0xFC)
    return np.asarray(record & (size >= 13) & (head[:, 2] != 0xFE), np.bool_)


def farewells(batch: Datagrams) -> Ints:
    """Return the rows that end a call: encrypted alerts of DTLS 1.2 (RFC 5246 section 7.2) and, by their length alone,
    of DTLS 1.3, a TURN allocation that is given up (RFC 8656 section 7), RTCP's BYE (RFC 3550 section 6.6)."""
    kind, head, size = batch.kind, batch.head, batch.size
    dtls = np.flatnonzero(kind == DTLS)
    first = head[dtls, 0]
    alert = ((first == 21) & (big16(head[dtls], 3) > 0)) | ((first < 64) & (first >= 32) & (size[dtls] == ALERT_BYTES))
    stun = np.flatnonzero(kind == STUN)
    stun = stun[big16(head[stun], 0) == REFRESH]
    lifetime, _ = find_attribute(batch.data, batch.at[stun], np.minimum(size[stun], batch.captured[stun]), 0x000D)
    given_up = (lifetime > 0) & (big32(bytes_at(batch.data, batch.at[stun] + lifetime, 4), 0) == 0)
    bye = np.flatnonzero((kind == RTCP) & (head[:, 1] == 203))
    return np.concatenate([dtls[alert], stun[given_up], bye])


def _sealed(head: Bytes, size: Ints) -> Bools:
    """Records of DTLS 1.3 (RFC 9147 section 4): the first one closes the datagram, or another record follows it."""
    sealed: Bools = np.zeros(len(head), np.bool_)
    rows = np.flatnonzero((head[:, 0] & 0xFC) == UNIFIED_HEADER)
    end = UNIFIED_BYTES + big16(head[rows], 3)
    fits = (end >= UNIFIED_BYTES + LEAST_SEALED_BYTES) & (end <= size[rows])
    rows, end = rows[fits], end[fits]
    follows = head[rows, np.minimum(end, DATAGRAM_HEAD_BYTES - 1)] & 0xFC == UNIFIED_HEADER
    sealed[rows] = (end == size[rows]) | ((end < DATAGRAM_HEAD_BYTES) & follows)
    return sealed


def _is_quic(head: Bytes) -> Bools:
    version = big32(head, 1)
    draft = (version >> 8 == 0xFF0000) | (version >> 16 == 0x5130) | (version >> 16 == 0x5430)
    return np.asarray(is_among(version, QUIC_VERSION_NUMBERS) | draft, np.bool_)


Layer = tuple[Ints, Ints | int, Ints]
"""Rows that have such a layer, the bytes to skip there, and the size of what is left."""


def _open_layer(out: Datagrams, rows: Ints, wrappings: ByteHintTable) -> Ints:
    """Take one layer off these rows where there is one; return the rows that had one."""
    every: Ints | slice = slice(None) if len(rows) == len(out) else rows  # a slice copies nothing
    head, size, kind = out.head[every], out.size[every], out.kind[every]
    done, known = np.zeros(len(rows), np.bool_), (kind == STUN) | (kind == DTLS)
    for name, (places, ahead, left) in (
        (TURN, _channel_data(head, size)),
        (TURN, _multiplexed_turn(head, size)),
        (TURN, _indication_data(out.data, out.at, rows, size, kind, head)),
        (WRAPPED, _reflector_frames(head, size)),
        *((WRAPPED, layer) for layer in _app_layers(head, size, wrappings)),
    ):
        fresh = ~done[places] & ((name == TURN) | ~known[places])
        places, left = places[fresh], left[fresh]
        done[places] = True
        _advance_rows(out, rows[places], ahead if isinstance(ahead, int) else ahead[fresh], left, name)
    return rows[done]


def _advance_rows(out: Datagrams, rows: Ints, skip: Ints | int, left: Ints, layer: int) -> None:
    if not len(rows):
        return
    out.at[rows] += skip
    out.captured[rows] = np.clip(out.captured[rows] - skip, 0, left)
    out.size[rows] = left
    out.outer[rows] = np.maximum(out.outer[rows], layer)
    out.head[rows] = _datagram_heads(out.data, out.at[rows], out.captured[rows])
    out.kind[rows] = datagram_kinds(out.head[rows], left, out.captured[rows])


def _channel_data(head: Bytes, size: Ints) -> Layer:
    """ChannelData (RFC 8656 section 12.4, RFC 7983); over TCP it is padded to four bytes. Channel numbers from 5000 on
    were allowed before (RFC 5766); QUIC begins like them, so there the contents must be of a call, and FaceTime's
    frames like channel 6000, whose contents are never RTP at once."""
    places = np.flatnonzero((head[:, 0] >> 6 == 1) & (size > 8))
    length, inside = big16(head[places], 2), head[places, 4]
    call = (inside < 4) | ((inside >= 20) & (inside < 64)) | (inside >> 6 == 2)
    apple = (head[places, 0] == 0x60) & (head[places, 1] == 0) & (inside >> 6 != 2)
    fits = ((size[places] - 4 - length) >> 2 == 0) & (length > 0) & ((head[places, 0] >> 4 == 4) | call & ~apple)
    return places[fits], 4, length[fits]


def _multiplexed_turn(head: Bytes, size: Ints) -> Layer:
    """Microsoft's multiplexed TURN (MS-TURN section 2.2.3): ff10, length, session id."""
    places = np.flatnonzero((head[:, 0] == 0xFF) & (head[:, 1] == 0x10) & (size > 12))
    return places, 12, size[places] - 12


def _reflector_frames(head: Bytes, size: Ints) -> Layer:
    """Telegram's reflector frame of tgcalls: 24 bytes, the last four the length of the packet that follows."""
    places = np.flatnonzero((head[:, 20] == 0) & (head[:, 21] == 0) & (size >= 28))
    length = big16(head[places], 22)
    fits = (size[places] - 24 - length == (-length & 3)) & (length > 0)
    return places[fits], 24, length[fits]


def _app_layers(head: Bytes, size: Ints, wrappings: ByteHintTable) -> Iterator[Layer]:
    """Yield the layers of the apps' own, one for each wrapping that occurs."""
    for number, places in wrappings.find(head, size, np.arange(len(size))):
        inner_at = wrappings.hints[number].inner_at
        places = places[(head[places, inner_at] >> 6 == 2) & (size[places] >= inner_at + 12)]
        yield places, inner_at, size[places] - inner_at


def _indication_data(data: Bytes, at: Ints, rows: Ints, size: Ints, kind: KindCodes, head: Bytes) -> Layer:
    """The DATA attribute of Send and Data indications, Microsoft's too, looked for among the first ten attributes."""
    places = np.flatnonzero(kind == STUN)
    places = places[CARRYING_MESSAGES[big16(head[places], 0)]]
    data_at, length = find_attribute(data, at[rows[places]], size[places], 0x0013)
    inside = data_at > 0
    return places[inside], data_at[inside], length[inside]


def find_attribute(data: Bytes, at: Ints, size: Ints, wanted: int) -> tuple[Ints, Ints]:
    """Return where the first attribute of a kind has its value in each of these STUN messages, 0 for nowhere, and how
    long that is; looked for among the first ten attributes."""
    place, found, length = np.full(len(at), 20), np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for _ in range(10 if len(at) else 0):
        attribute = bytes_at(data, at + place, 4)
        name, claimed = big16(attribute, 0), big16(attribute, 2)
        hit = (name == wanted) & (found == 0) & (place + 4 + claimed <= size) & (claimed > 0)
        found[hit], length[hit] = place[hit] + 4, claimed[hit]
        place = np.minimum(place + 4 + claimed + (-claimed & 3), size)
    return found, length
