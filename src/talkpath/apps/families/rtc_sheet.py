"""Holds all datagrams of a flow end to end: which bits are fixed, which are random, and what is patched in afterwards.

A sheet is written once for a schedule and filled once for each flow, in one pass over numbers of its whole length.
A patch is for bytes that depend on others: a name that comes back, a counter that starts at random, a check sum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Final
from zlib import crc32

from talkpath.apps.contract.shape import Keystream
from talkpath.wire.pattern import PacketPattern
from talkpath.wire.rtc import dtls_flights, stun

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE64: Final = bytes(_ALPHABET[value & 63] for value in range(256))
NTP_2026: Final = 0xED << 56  # seconds since 1900, in the upper half

_HEADER = Struct("!HII")
_WORD = Struct("!I")
_TIME = Struct("!BH")
_NTP = Struct("!Q")


class Sheet:
    """Grows by `put`; offsets are those of the sheet. `spans` are the datagrams, in the order of the schedule."""

    def __init__(self) -> None:
        self.end = 0
        self.spans: list[tuple[int, int]] = []
        self._fixed: list[bytes] = []
        self._mask: list[bytes] = []
        self._words: dict[str, tuple[int, int, bool]] = {}
        self._head = 0
        self._copies: list[tuple[int, str]] = []
        self._streams: list[tuple[str, int | None, bool, bool]] = []
        self._headers: list[tuple[int, int, int, int]] = []
        self._times: list[tuple[int, str, int]] = []
        self._stamps: list[tuple[int, str, int]] = []
        self._dates: list[tuple[int, str, int]] = []
        self._clocks: set[str] = set()
        self._seals: list[tuple[int, int]] = []
        self._made: tuple[int, int] = (0, 0)

    def masked(self, fixed: bytes, mask: bytes) -> int:
        """Append a `PacketPattern` of these; return where it starts."""
        at = self.end
        self._fixed.append(fixed)
        self._mask.append(mask)
        self.end += len(fixed)
        return at

    def put(self, pattern: PacketPattern) -> int:
        """Append bytes; return where they start."""
        return self.masked(pattern.fixed, pattern.mask)

    def fixed(self, data: bytes) -> int:
        """Append bytes that are always the same; return where they start."""
        return self.masked(data, bytes(len(data)))

    def random(self, size: int) -> None:
        """Append `size` random bytes."""
        self.masked(bytes(size), b"\xff" * size)

    def close(self, start: int) -> None:
        """End a datagram: all that was put since `start`."""
        self.spans.append((start, self.end))

    def word(self, name: str, size: int, *, text: bool = False) -> str:
        """Declare a random field with one value in all its places; `text` if it is written in base64's letters."""
        if name not in self._words:
            self._words[name] = self._head, self._head + size, text
            self._head += size
        return name

    def copy(self, at: int, word: str) -> None:
        """Place `word` at `at`."""
        self._copies.append((at, word))

    def stream(self, name: str, ssrc: int | None, *, from_one: bool, still: bool) -> int:
        """Declare an RTP stream and return its number; the word `name` is its SSRC unless that is fixed."""
        self.word(name, 4)
        self.word(name + "#", 6)
        self._streams.append((name, ssrc, from_one, still))
        return len(self._streams) - 1

    def header(self, at: int, stream: int, sequence: int, timestamp: int) -> None:
        """Let the RTP header at `at` count on from where its stream starts."""
        self._headers.append((at + 2, stream, sequence, timestamp))

    def time(self, at: int, clock: str, at_ms: float) -> None:
        """abs-send-time: seconds in 24 bits, 18 of them fractional."""
        self._times.append((at, self._clock(clock, 3), int(at_ms * 262.144)))

    def stamp(self, at: int, clock: str, at_ms: float) -> None:
        """abs-capture-time: an NTP time of 64 bits."""
        self._stamps.append((at, self._clock(clock, 8), int(at_ms * (2**32 / 1000))))

    def dates(self, at: int, days: int) -> None:
        """The two dates of a certificate."""
        self._dates.append((at, self._clock(f"date{at}", 4), days))

    def _clock(self, name: str, size: int) -> str:
        """Declare a word that is a number."""
        self._clocks.add(self.word(name, size))
        return name

    def seal(self, start: int) -> None:
        """End a STUN message with FINGERPRINT: all that was put since `start`."""
        self._seals.append((start, self.end))

    def finish(self) -> None:
        """Finish the sheet."""
        self._made = int.from_bytes(b"".join(self._mask), "big"), int.from_bytes(b"".join(self._fixed), "big")
        self._fixed, self._mask = [], []

    def fill(self, key: bytes) -> list[bytes]:
        """Return one flow's datagrams."""
        need = self._head + self.end
        entropy = Keystream(key, need).take(need)
        words = {
            name: entropy[a:b].translate(BASE64) if text else entropy[a:b] for name, (a, b, text) in self._words.items()
        }
        mask, fixed = self._made
        sheet = bytearray((int.from_bytes(entropy[self._head :], "big") & mask | fixed).to_bytes(self.end, "big"))
        for at, word in self._copies:
            value = words[word]
            sheet[at : at + len(value)] = value
        self._count(sheet, words)
        for start, end in self._seals:
            _WORD.pack_into(sheet, end - 4, crc32(sheet[start : end - 8]) ^ stun.FINGERPRINT_XOR)
        done = bytes(sheet)
        return [done[a:b] for a, b in self.spans]

    def _count(self, sheet: bytearray, words: dict[str, bytes]) -> None:
        starts = [self._start(words, *stream) for stream in self._streams]
        pack = _HEADER.pack_into
        for at, stream, sequence, timestamp in self._headers:
            first, zero, ssrc = starts[stream]
            pack(sheet, at, first + sequence & 0xFFFF, zero + timestamp & 0xFFFFFFFF, ssrc)
        clocks = {word: _number(words[word]) for word in self._clocks}
        for at, word, ticks in self._times:
            now = clocks[word] + ticks & 0xFFFFFF
            _TIME.pack_into(sheet, at, now >> 16, now & 0xFFFF)
        for at, word, ticks in self._stamps:
            _NTP.pack_into(sheet, at, NTP_2026 | clocks[word] + ticks & (1 << 56) - 1)
        for at, word, days in self._dates:
            both = dtls_flights.certificate_dates(clocks[word], days)
            sheet[at : at + len(both)] = both

    @staticmethod
    def _start(
        words: dict[str, bytes], name: str, ssrc: int | None, from_one: bool, still: bool
    ) -> tuple[int, int, int]:
        """Return (sequence number, timestamp, SSRC) of a stream's first packet."""
        base = words[name + "#"]
        first = 1 if from_one else _number(base[:2]) >> 1
        return first, 0 if still else _number(base[2:]), _number(words[name]) if ssrc is None else ssrc


_number: Callable[[bytes], int] = partial(int.from_bytes, byteorder="big")
