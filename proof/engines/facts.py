"""What engines put on the wire, as a few facts each: so that a new release shows what moved.

A fact is the value that most recordings show, of undisturbed calls between two ends of one engine: bytes and sizes
exactly, times and medians within a factor of 1.6. `facts.toml` holds those of last time, `moved` compares.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proof.engines import pcap
from proof.engines.path import addresses_of, datagram_of

STORED = Path(__file__).with_name("facts.toml")
FACTOR = 1.6
COOKIE = b"\x21\x12\xa4\x42"
REQUEST = b"\x00\x01"
ENOUGH_PACKETS = {"voice": 18, "video": 100}  # in video calls repair comes when it is needed
SMALL_BYTES = 200  # larger records hold certificates and signatures, whose length varies
SETTLED_S = 5.0  # checks and reports are denser before

Value = str | float
Facts = dict[str, dict[str, Value]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A datagram that an end sent, and when."""

    at_s: float
    data: bytes


def observed(folder: Path) -> Facts:
    """Return the facts of each engine that the recordings of a folder show."""
    values: dict[str, dict[str, list[Value]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(folder.glob("*.json")):
        truth = json.loads(file.read_text())
        engines = {end["engine"] for end in truth["ends"].values()}
        for letter, end in truth["ends"].items():
            if truth["calls"] and not truth["dropped"] and len(engines) == 1:
                for name, value in facts_of(folder / f"{truth['name']}.{letter}.pcap", end, truth["media"][-1]):
                    if truth["media"] == ["voice"] or not name.startswith(("rtcp", "records.small")):  # video has more
                        values[end["engine"]][name].append(value)
    return {engine: {name: _common(seen) for name, seen in found.items()} for engine, found in sorted(values.items())}


def _common(values: list[Value]) -> Value:
    numbers = [value for value in values if isinstance(value, float)]
    return round(statistics.median(numbers), 2) if numbers else Counter(values).most_common(1)[0][0]


def facts_of(file: Path, end: dict[str, Any], medium: str) -> Iterator[tuple[str, Value]]:
    """Yield what one end's datagrams show."""
    link, frames = pcap.read(file)
    sent = []
    for frame in frames:
        packet = frame.data[pcap.LINK_BYTES[link] :]
        if pcap.text(addresses_of(packet)[0]) in (end["ipv4"], end["ipv6"]) and (data := datagram_of(packet)):
            sent.append(Sent(frame.at_s, data))
    yield from _ice(sent, end["role"])
    yield from _dtls(sent, end["role"])
    yield from _rtp(sent, ENOUGH_PACKETS[medium])
    yield from _rtcp(sent)


def _ice(sent: list[Sent], role: str) -> Iterator[tuple[str, Value]]:
    checks = [(one, attributes(one.data)) for one in sent if one.data[:2] == REQUEST and one.data[4:8] == COOKIE]
    checks = [(one, found) for one, found in checks if 0x0006 in found and 0x0024 in found]
    if not checks:
        return
    yield f"check.attributes.{role}", " ".join(f"{kind:04x}" for kind in checks[0][1])
    yield "check.name_bytes", "+".join(sorted({str(len(part)) for part in checks[0][1][0x0006].split(b":")}))
    yield "check.priority_ends", "+".join(sorted({found[0x0024][-1:].hex() for _, found in checks}))
    yield "check.renominates", str(any(0xC001 in found for _, found in checks))
    began_s = checks[0][0].at_s
    late = [one.at_s for one, _ in checks if one.at_s > began_s + SETTLED_S]
    gaps = [after - before for before, after in itertools.pairwise(late) if after - before > 0.5]
    if len(gaps) >= 3:
        yield "check.every_s", round(statistics.median(gaps), 2)


def attributes(message: bytes) -> dict[int, bytes]:
    """Return the attributes of a STUN message (RFC 8489 section 14) in their order."""
    found: dict[int, bytes] = {}
    at = 20
    while at + 4 <= len(message):
        kind, length = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
        found[kind] = message[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return found


def _dtls(sent: list[Sent], role: str) -> Iterator[tuple[str, Value]]:
    hello = [one.data for one in sent if one.data[:1] == b"\x16" and one.data[13:14] == b"\x01"]
    if hello:
        number = hello[0][17:19]
        flight = {one[19:22]: one for one in hello if one[17:19] == number}
        whole = b"".join(flight[at][25:] for at in sorted(flight))
        yield "hello.from", role
        yield "hello.sizes", "+".join(str(len(flight[at])) for at in sorted(flight))
        yield from _hello(whole)
    records = [one for one in sent if one.data[:1] in (b"\x15", b"\x17") or 0x2C <= one.data[0] <= 0x2F]
    if records:
        early = {len(one.data) for one in records if one.at_s < records[0].at_s + 1.0 and len(one.data) < SMALL_BYTES}
        if early:
            yield f"records.small.{role}", " ".join(map(str, sorted(early)))
        yield "records.last", str(len(records[-1].data))


def _hello(body: bytes) -> Iterator[tuple[str, Value]]:
    """Suites and extensions of a ClientHello (RFC 9147 section 5.3)."""
    at = 34
    at += 1 + body[at]
    at += 1 + body[at]
    suites = int.from_bytes(body[at : at + 2], "big")
    yield "hello.suites", body[at + 2 : at + 2 + suites].hex()
    at += 2 + suites
    at += 1 + body[at] + 2
    found = []
    while at + 4 <= len(body):
        found.append(body[at : at + 2].hex())
        at += 4 + int.from_bytes(body[at + 2 : at + 4], "big")
    yield "hello.extensions", " ".join(sorted(found))


def _rtp(sent: list[Sent], enough: int) -> Iterator[tuple[str, Value]]:
    streams: dict[tuple[int, int], list[Sent]] = defaultdict(list)
    for one in sent:
        if one.data[0] >> 6 == 2 and len(one.data) >= 12 and not 192 <= one.data[1] <= 223:
            streams[one.data[1] & 127, int.from_bytes(one.data[8:12], "big")].append(one)
    for (kind, _), packets in sorted(streams.items()):
        if len(packets) < enough:
            continue
        times = [int.from_bytes(one.data[4:8], "big") for one in packets]
        steps = Counter(after - before for before, after in itertools.pairwise(times) if after > before)
        step, count = steps.most_common(1)[0] if steps else (0, 0)
        if count >= len(packets) / 2:
            yield f"rtp.{kind}.step", str(step)
        yield f"rtp.{kind}.elements", Counter(elements(one.data) for one in packets).most_common(1)[0][0]
        yield f"rtp.{kind}.bytes", float(statistics.median(len(one.data) for one in packets))


def elements(packet: bytes) -> str:
    """Return the ids of the header extension's elements (RFC 8285 section 4.2) in their order."""
    if not packet[0] & 16:
        return "none"
    at = 12 + 4 * (packet[0] & 15)
    if packet[at : at + 2] != b"\xbe\xde":
        return packet[at : at + 2].hex()
    body = packet[at + 4 : at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big")]
    found, at = [], 0
    while at < len(body):
        if body[at] == 0:
            at += 1
            continue
        found.append(str(body[at] >> 4))
        at += 2 + (body[at] & 15)
    return " ".join(found)


def _rtcp(sent: list[Sent]) -> Iterator[tuple[str, Value]]:
    reports = [one for one in sent if one.data[0] >> 6 == 2 and len(one.data) >= 12 and 192 <= one.data[1] <= 223]
    if not reports:
        return
    yield "rtcp.types", "+".join(sorted({str(one.data[1]) for one in reports}))
    for kind in (200, 201, 205):
        at = [one.at_s for one in reports if one.data[1] == kind and one.at_s > reports[0].at_s + SETTLED_S]
        if len(at) >= 2:
            gaps = [after - before for before, after in itertools.pairwise(at)]
            yield f"rtcp.{kind}.every_s", round(statistics.median(gaps), 2)


def stored() -> tuple[dict[str, str], Facts]:
    """Return the engines' versions and facts of last time; nothing where they were never written."""
    if not STORED.exists():
        return {}, {}
    found = tomllib.loads(STORED.read_text())
    versions = {engine: str(values.pop("version", "?")) for engine, values in found.items()}
    return versions, found


def write(versions: dict[str, str], facts: Facts) -> None:
    """Write the facts as those of now."""
    lines = [
        "# What engines put on the wire, as `python -m proof.engines facts FOLDER --write` found it.",
        "# hello.extensions are sorted: some engines draw their order anew for each call.",
    ]
    for engine, values in facts.items():
        lines += ["", f"[{engine}]", f'version = "{versions[engine]}"']
        for name, value in sorted(values.items()):
            lines.append(f'"{name}" = ' + (str(value) if isinstance(value, float) else json.dumps(value)))
    STORED.write_text("\n".join(lines) + "\n")


def moved(before: Facts, now: Facts) -> Iterator[str]:
    """Yield a sentence for each fact that is another one than last time."""
    for engine, values in now.items():
        old = before.get(engine, {})
        for name in sorted(values.keys() | old.keys()):
            was, value = old.get(name), values.get(name)
            if not _same(was, value):
                yield f"{engine}: {name} was {was}, is {value}"


def _same(was: Value | None, value: Value | None) -> bool:
    if isinstance(was, float) and isinstance(value, float):
        return max(was, value) <= FACTOR * min(was, value)
    return was == value


def versions_of(folder: Path) -> dict[str, str]:
    """Return the engines' versions that the recordings name."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.json")):
        found |= json.loads(file.read_text())["engines"]
    return found
