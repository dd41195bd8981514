"""The shape of a call built on libwebrtc: ICE, perhaps DTLS, then SRTP with a clear header.

webrtc, meet, max and signal are this class with facts of their own. The check that opens the call is of stage "stun",
the handshake of stage "dtls"; later checks, reports, padding and data are "control".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

from talkpath.apps.contract.script import MEDIA_MS, TRIES_MS, Script
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES, Arm, Confidence, Direction, Schedule, Slot
from talkpath.apps.families.rtc_facts import Extra, RtcFacts
from talkpath.apps.families.rtc_media import Camera, VoiceModel, draw_call_packets
from talkpath.apps.families.rtc_packets import INTEGRITY_BYTES, write_sheet
from talkpath.apps.families.rtc_sheet import Sheet
from talkpath.wire.rtc import dtls, dtls_flights

BOTH_DIRECTIONS: Final[tuple[Direction, ...]] = ("up", "down")
FINGERPRINT_BYTES: Final = 8
HELLO_NONCE_AT: Final = 48  # within the random of a hello and within the ticket of the last flight


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcCall:
    """A `Shape`: both ends send voice, and video where there is a `camera`."""

    arm: Arm
    facts: RtcFacts
    voice: VoiceModel
    packet_rate: float
    camera: Camera | None = None
    confidence: Confidence = "low"
    shape_class: str = "webrtc"
    _memo: list[tuple[Schedule, Sheet]] = field(default_factory=list, repr=False, compare=False)

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`."""
        script = Script()
        self._check(script)
        if self.facts.server != "none":
            self._handshake(script, rng, hello)
        for direction in BOTH_DIRECTIONS:
            for at_ms, size in draw_call_packets(rng, packets, self.voice, self.camera):
                nonce_at = _nonce_at(self.facts.stream_of(size).header_bytes(size), size)
                script.add(
                    Slot(
                        direction=direction, at_ms=MEDIA_MS + at_ms / rate, size=size, stage="media", nonce_at=nonce_at
                    )
                )
        end_ms = script.end_ms
        self._keep(script, rng, end_ms)
        for extra in self.facts.extras:
            self._beside(script, extra, rng, end_ms)
        return script.schedule()

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`. The last schedule's sheet is kept, as all flows of an epoch follow one schedule."""
        memo = self._memo
        if not memo or memo[0][0] is not schedule:
            memo[:] = [(schedule, write_sheet(self.facts, schedule))]
        return memo[0][1].fill(key)

    def _check(self, script: Script) -> None:
        ice = self.facts.ice
        _add_check(script, "up", 0, ice.first_bytes, ice.first_reply_bytes, TRIES_MS)
        if not ice.sfu:
            _add_check(script, "down", 14, ice.plain_bytes, 64)
        _add_check(script, "up", 20, ice.nominating_bytes, 64)

    def _handshake(self, script: Script, rng: Random, hello: str) -> None:
        wide = [sum(rng.random() < 0.5 for _ in range(dtls_flights.ECDSA_NUMBERS)) for _ in BOTH_DIRECTIONS]
        sfu = self.facts.server == "sfu"
        server = dtls_flights.sfu_server_flight() if sfu else dtls_flights.peer_server_flight(wide[0])
        first = script.ask(
            Slot(direction="up", at_ms=26, size=len(dtls.client_hello(hello)), stage="dtls", nonce_at=HELLO_NONCE_AT),
            len(server.pattern),
            reply_nonce_at=HELLO_NONCE_AT,
            tries_ms=TRIES_MS,
        )
        size = len(dtls_flights.client_flight(wide[1]).pattern)
        answer = script.add(
            Slot(
                direction="up",
                at_ms=28,
                size=size,
                stage="dtls",
                answers=first + 1,
                nonce_at=size - 24,
                key_at=KEY_BYTES,
            )
        )
        size = len(dtls_flights.server_finish().pattern)
        script.add(Slot(direction="down", at_ms=30, size=size, stage="dtls", answers=answer, nonce_at=HELLO_NONCE_AT))

    def _keep(self, script: Script, rng: Random, end_ms: float) -> None:
        """Add the checks during the call: an SFU's client asks about every 1.3 s, peers ask each other about every 2.5
        s."""
        ice = self.facts.ice
        for way in BOTH_DIRECTIONS[:1] if ice.sfu else BOTH_DIRECTIONS:
            size = ice.nominating_bytes if ice.sfu else ice.plain_bytes
            at_ms = 400 + rng.uniform(600, 1300)
            while at_ms < end_ms:
                _add_check(script, way, at_ms, size, 64)
                at_ms += rng.uniform(1000, 1500) if ice.sfu else rng.uniform(2400, 2600)

    def _beside(self, script: Script, extra: Extra, rng: Random, end_ms: float) -> None:
        at_ms, left = extra.first_ms * rng.uniform(0.97, 1.03), extra.count
        while left != 0 and at_ms < max(end_ms, MEDIA_MS):
            script.add(
                Slot(
                    direction=extra.direction,
                    at_ms=at_ms,
                    size=extra.size,
                    stage="control",
                    nonce_at=self._extra_nonce_at(extra),
                )
            )
            left = None if left is None else left - 1
            at_ms += extra.every_ms * rng.uniform(0.95, 1.05)

    def _extra_nonce_at(self, extra: Extra) -> int | None:
        if extra.report:
            return _nonce_at(8, extra.size - 4 - (10 if self.facts.tag_bytes == 10 else 0))
        if extra.stream is not None:
            return _nonce_at(extra.stream.header_bytes(extra.size), extra.size)
        return _nonce_at(dtls.RECORD_HEADER_BYTES + 8, extra.size)


def _nonce_at(start: int, end: int) -> int | None:
    """Return the first place for a nonce in the random bytes from `start` to `end`."""
    at = max(start, KEY_BYTES)
    return at if at + NONCE_BYTES <= end else None


def _add_check(
    script: Script, way: Direction, at_ms: float, size: int, reply: int, tries_ms: tuple[float, ...] = (0.0,)
) -> None:
    """Add a check and its answer; the nonce goes into MESSAGE-INTEGRITY."""
    script.ask(
        Slot(
            direction=way,
            at_ms=at_ms,
            size=size,
            stage="stun" if len(tries_ms) > 1 else "control",
            nonce_at=size - FINGERPRINT_BYTES - INTEGRITY_BYTES,
            fingerprint=True,
        ),
        reply,
        reply_nonce_at=max(KEY_BYTES, reply - FINGERPRINT_BYTES - INTEGRITY_BYTES),
        tries_ms=tries_ms,
    )
