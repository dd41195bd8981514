"""The network between the ends of a recorded call: delay, hops, and the trouble that a case asks for.

It forwards IP packets between the caller, the callee and the relay. Trouble meets the caller's leg alone, so the truth
is the same for a direct call and for one through a relay. Its clock starts with the first media packet that it sees.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from talkpath.lab.path.link import LAB_PROBE, RESPONDER, LabHost

CALLER = LabHost(LAB_PROBE.name, "192.168.77.2", "2001:db8:77::2")
CALLEE = LabHost(RESPONDER.name, "198.51.100.2", "2001:db8:2::2")
RELAY = LabHost("relay", "203.0.113.5", "2001:db8:3::5")
HOSTS = (CALLER, CALLEE, RELAY)
KNOWN = frozenset(address for host in HOSTS for address in host.packed())
REFLECTOR_PORT = 598
REFLECTOR_HEADER_BYTES = 24
CHANNEL_HEADER_BYTES = 4
UDP = 17

What = Literal["all", "udp", "media"]
Towards = Literal["up", "down", "both"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is dropped on the caller's leg: which packets, towards where, what share, and when.

    `after_s` counts from the first media packet; None: from the start of all.
    """

    what: What
    towards: Towards
    share: float = 1.0
    after_s: float | None = None
    for_s: float = 1e9


@dataclass
class CallPath:
    """The network of one recording, as the lab's router wants it (`PacketNetwork`)."""

    log: Path
    troubles: tuple[Trouble, ...] = ()
    delay_s: float = 0.015
    jitter_s: float = 0.0
    hops: int = 7
    seed: int = 1
    dropped: Counter[str] = field(default_factory=Counter)
    first_media_s: float | None = None
    rebinds_after_s: float | None = None

    def __post_init__(self) -> None:
        """Prepare what is not said by the case."""
        self._random = random.Random(self.seed)
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._caller = CALLER.packed()
        self._ports: dict[bytes, bytes] = {}

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        """Take a packet; return when it leaves, or nothing where it is dropped."""
        media = is_media(packet)
        if media and self.first_media_s is None:
            self.first_media_s = now_s
            self._note("first media")
        if not (packet := self._rebound(now_s, packet)):
            return []
        for number, trouble in enumerate(self.troubles):
            if self._meets(number, trouble, now_s, packet, media):
                self.dropped[f"{trouble.what} {trouble.towards}"] += 1
                return []
        late_s = self._random.expovariate(1 / self.jitter_s) if self.jitter_s else 0.0
        return [(now_s + self.delay_s + min(late_s, 0.3), hopped(packet, self.hops))]

    def _meets(self, number: int, trouble: Trouble, now_s: float, packet: bytes, media: bool) -> bool:
        if not self._is_active(number, trouble, now_s):
            return False
        towards = self._towards(packet)
        if towards is None or trouble.towards not in (towards, "both"):
            return False
        fits = {"all": True, "udp": protocol(packet) == UDP, "media": media}[trouble.what]
        return fits and self._random.random() < trouble.share

    def _rebound(self, now_s: float, packet: bytes) -> bytes:
        """Return the packet as the caller's router writes it, which has forgotten its ports from a time on; nothing for
        one to a port that is not in use any more."""
        late = self.first_media_s is not None and now_s >= self.first_media_s + (self.rebinds_after_s or 0.0)
        if self.rebinds_after_s is None or not late or protocol(packet) != UDP:
            return packet
        at = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
        source, target = packet[at : at + 2], packet[at + 2 : at + 4]
        if self._towards(packet) == "up":
            fresh = (int.from_bytes(source, "big") ^ 0x2A5A | 0x400).to_bytes(2, "big")
            self._ports[fresh] = source
            return _with_port(packet, at, at, fresh)
        return _with_port(packet, at, at + 2, self._ports[target]) if target in self._ports else b""

    def _is_active(self, number: int, trouble: Trouble, now_s: float) -> bool:
        if trouble.after_s is None:
            return True
        if self.first_media_s is None or now_s < self.first_media_s + trouble.after_s:
            return False
        if number not in self._begun:
            self._begun.add(number)
            self._note("trouble begins", number=number)
        over = now_s >= self.first_media_s + trouble.after_s + trouble.for_s
        if over and number not in self._ended:
            self._ended.add(number)
            self._note("trouble ends", number=number)
        return not over

    def _towards(self, packet: bytes) -> Towards | None:
        source, destination = addresses_of(packet)
        return "up" if source in self._caller else "down" if destination in self._caller else None

    def _note(self, event: str, **facts: object) -> None:
        with self.log.open("a") as file:
            file.write(json.dumps({"at_s": time.time(), "event": event, **facts}) + "\n")


def _with_port(packet: bytes, udp: int, at: int, port: bytes) -> bytes:
    """Return the packet with another port at that place, and UDP's checksum made to fit (RFC 1624)."""
    changed = bytearray(packet)
    terms = (changed[udp + 6 : udp + 8], changed[at : at + 2])
    total = sum(0xFFFF - int.from_bytes(term, "big") for term in terms) + int.from_bytes(port, "big")
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    changed[at : at + 2], changed[udp + 6 : udp + 8] = port, (0xFFFF - total or 0xFFFF).to_bytes(2, "big")
    return bytes(changed)


def addresses_of(packet: bytes) -> tuple[bytes, bytes]:
    """Return source and destination address of an IP packet."""
    return (packet[12:16], packet[16:20]) if packet[0] >> 4 == 4 else (packet[8:24], packet[24:40])


def protocol(packet: bytes) -> int:
    """Return the number of the protocol above IP."""
    return packet[9] if packet[0] >> 4 == 4 else packet[6]


def hopped(packet: bytes, hops: int) -> bytes:
    """Return the packet with its TTL or hop limit less by `hops`, and IPv4's checksum made anew."""
    changed = bytearray(packet)
    if packet[0] >> 4 == 6:
        changed[7] -= hops
        return bytes(changed)
    changed[8] -= hops
    total = int.from_bytes(changed[10:12], "big") + (hops << 8)
    changed[10:12] = ((total & 0xFFFF) + (total >> 16)).to_bytes(2, "big")
    return bytes(changed)


def is_media(packet: bytes) -> bool:
    """Tell whether a packet between the known hosts is RTP or RTCP over UDP."""
    return bool(media_of(packet))


def media_of(packet: bytes) -> bytes:
    """Return the RTP or RTCP in a packet (RFC 7983: the first byte tells), or nothing."""
    data = datagram_of(packet)
    return data if len(data) >= 12 and data[0] >> 6 == 2 else b""


def datagram_of(packet: bytes) -> bytes:
    """Return what a UDP packet between the known hosts carries, out of a reflector's header, ChannelData or an
    indication of TURN; nothing where it is no such packet."""
    if protocol(packet) != UDP or not KNOWN.issuperset(addresses_of(packet)):
        return b""
    at = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    ports = packet[at : at + 4]
    data = packet[at + 8 :]
    if REFLECTOR_PORT in (int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")):
        return data[REFLECTOR_HEADER_BYTES:] if data[16:28] != b"\xff" * 12 else b""
    if data[:1] and 0x40 <= data[0] <= 0x4F:
        return data[CHANNEL_HEADER_BYTES:]
    return _indicated(data) if data[:2] in (b"\x00\x16", b"\x00\x17") else data


def _indicated(message: bytes) -> bytes:
    """The DATA attribute of a Send or Data indication (RFC 8656 section 18.4)."""
    at = 20
    while at + 4 <= len(message):
        kind, length = message[at : at + 2], int.from_bytes(message[at + 2 : at + 4], "big")
        if kind == b"\x00\x13":
            return message[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return b""
