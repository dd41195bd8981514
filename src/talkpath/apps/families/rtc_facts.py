"""The facts in which apps built on libwebrtc differ: who checks whom, what RTP looks like, what else is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from talkpath.apps.contract.shape import Direction

VIDEO_FROM_BYTES: Final = 200  # every video packet is at least that long, no voice packet is

Element = Literal["send_time", "sequence", "level", "mid", "capture_time", "orientation"]
Elements = tuple[tuple[int, Element], ...]
ELEMENT_BYTES: Final[dict[Element, int]] = {
    "send_time": 3,
    "sequence": 2,
    "level": 1,
    "mid": 1,
    "capture_time": 16,
    "orientation": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """Connectivity checks (RFC 8445). The name of the far end has `name_bytes` random characters, then `name_tail`;
    an `sfu` only answers.

    `delta` is Google's 0xC059 in the first check, `nominates` how the pair is chosen: USE-CANDIDATE or 0xC001.
    """

    name_bytes: int = 4
    name_tail: bytes = b""
    sfu: bool = False
    delta: bool = False
    nominates: Literal["use_candidate", "nomination"] = "use_candidate"

    @property
    def plain_bytes(self) -> int:
        """Return the size of a check with USERNAME, network info, role, PRIORITY, MESSAGE-INTEGRITY and FINGERPRINT."""
        username = self.name_bytes + len(self.name_tail) + 5
        return 20 + 4 + username + -username % 4 + 8 + 12 + 8 + 24 + 8

    @property
    def first_bytes(self) -> int:
        """Return the size of the first check."""
        return self.plain_bytes + (8 if self.delta else 0)

    @property
    def nominating_bytes(self) -> int:
        """Return the size of the check that chooses the pair."""
        return self.plain_bytes + (8 if self.nominates == "nomination" else 4)

    @property
    def first_reply_bytes(self) -> int:
        """Return the size of the answer to the first check: a peer's acknowledges the delta, an SFU's does not."""
        return 72 if self.delta and not self.sfu else 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcStream:
    """One kind of RTP packet: `elements` of its one-byte extension, `ssrc` (up, down) where the app fixes them.

    Packets of a size in `long_bytes` have `long_elements` instead. `still`: the timestamp stays 0. `from_one`: the
    sequence number does not start at random.
    """

    payload_type: int
    elements: Elements = ()
    ssrc: tuple[int, int] | None = None
    padded: bool = False
    still: bool = False
    from_one: bool = False
    long_elements: Elements = ()
    long_bytes: frozenset[int] = frozenset()

    def elements_of(self, size: int) -> Elements:
        """Return the extension of a packet of that size."""
        return self.long_elements if size in self.long_bytes else self.elements

    def header_bytes(self, size: int) -> int:
        """Return the size of RTP header and extension in a packet of that size."""
        used = sum(1 + ELEMENT_BYTES[name] for _, name in self.elements_of(size))
        return 16 + used + -used % 4 if used else 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Packets beside the media, of one size and direction: from `first_ms` on every `every_ms`, `count` in all.

    `report`: the first four bytes of its RTCP, which carries `ssrc` or that of the stream `source` or, for "own", one
    of its own. `stream`: it is RTP. Neither: a DTLS record of application data.
    """

    direction: Direction
    size: int
    first_ms: float
    every_ms: float = 0.0
    count: int | None = 1
    report: bytes = b""
    source: Literal["voice", "video", "own"] = "own"
    ssrc: int | None = None
    stream: RtcStream | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcFacts:
    """All facts that decide an app's bytes. `server` answers DTLS. `tag_bytes` is SRTP's: 10 (SHA-1; the RTCP index
    stands before it) or 16 (GCM; after it)."""

    ice: Ice
    voice: RtcStream
    video: RtcStream | None = None
    server: Literal["peer", "sfu", "none"] = "peer"
    tag_bytes: Literal[10, 16] = 10
    extras: tuple[Extra, ...] = ()

    def stream_of(self, size: int) -> RtcStream:
        """Return the stream whose media packet has that size."""
        return self.voice if self.video is None or size < VIDEO_FROM_BYTES else self.video
