"""Reads and writes classic pcap files: the few fields that recordings of engines need."""

from __future__ import annotations

import gzip
import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")
MAGIC = 0xA1B2C3D4
ETHERNET, RAW, SLL2 = 1, 101, 276
LINK_BYTES = {ETHERNET: 14, RAW: 0, SLL2: 20}
SNAP_BYTES = 262144


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet with its time: what was captured of it, and its length on the wire."""

    seconds: int
    micros: int
    data: bytes
    length: int

    @property
    def at_s(self) -> float:
        """Seconds since the epoch."""
        return self.seconds + self.micros / 1e6


def read(file: Path) -> tuple[int, list[Frame]]:
    """Return the link type and the packets; a packet that was cut off at the end of the file is left out."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    magic, *_, link = HEAD.unpack_from(data)
    if magic != MAGIC:
        raise ValueError(f"{file.name} is no pcap file of microseconds in this machine's order")
    return link, list(_frames(data))


def _frames(data: bytes) -> Iterator[Frame]:
    at = HEAD.size
    while at + RECORD.size <= len(data):
        seconds, micros, kept, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if at + kept > len(data):
            return
        yield Frame(seconds, micros, data[at : at + kept], length)
        at += kept


def write(file: Path, link: int, frames: list[Frame]) -> None:
    """Write a pcap file."""
    with file.open("wb") as out:
        out.write(HEAD.pack(MAGIC, 2, 4, 0, 0, SNAP_BYTES, link))
        for frame in frames:
            out.write(RECORD.pack(frame.seconds, frame.micros, len(frame.data), frame.length) + frame.data)


def convert(source: Path, target: Path, link: str, hosts: frozenset[bytes]) -> None:
    """Copy what is between those hosts; "raw" takes the Ethernet header off, as a tunnel's capture has none.

    What an engine asks beside its call (a browser's lookups of its maker's servers) never left the namespace.
    """
    kind, frames = read(source)
    frames = [frame for frame in frames if addresses(frame.data[LINK_BYTES[kind] :]) <= hosts]
    if link == "raw":
        off = LINK_BYTES[kind]
        frames = [Frame(f.seconds, f.micros, f.data[off:], f.length - off) for f in frames]
        kind = RAW
    write(target, kind, frames)


def addresses(packet: bytes) -> frozenset[bytes]:
    """Return both addresses of an IP packet, empty where it is none."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return frozenset((packet[12:16], packet[16:20]))
    return frozenset((packet[8:24], packet[24:40])) if version == 6 else frozenset()


def text(address: bytes) -> str:
    """Return an address as people write it."""
    return str(ipaddress.ip_address(address))
