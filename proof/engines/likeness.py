"""Compares the calls that a made shape gives with the engine's own: by rules about bytes, and by what nDPI names them.

python -m proof.engines likeness FOLDER     writes docs/likeness.md
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from proof.engines.byte_rules import BYTE_RULES, FRAME_RULES, inner
from proof.engines.record import ROOT
from proof.engines.shapes import ENGINE_SHAPES, SHAPES_FOLDER, EngineShape, engine_flow
from talkpath.apps.recorded.played import PlayedShape, played_shape

PAGE: Final = ROOT / "docs" / "likeness.md"
DRAWN_CALLS: Final = 12
MEDIA_PACKETS: Final = {"telegram-direct": 250, "telegram-reflector": 250}
OTHER_MEDIA_PACKETS: Final = 750
GOAL: Final = 0.95

Call = list[tuple[float, bool, bytes]]
"""Packets of a flow: seconds, whether the caller's end sent it, bytes."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One rule: in what share of the packets it finds something, in the engine's calls and in the shape's."""

    rule: str
    engine: float
    shape: float

    @property
    def is_alike(self) -> bool:
        """Whether it finds something in both or in neither."""
        return (self.engine > 0) == (self.shape > 0)


def played_call(shape: PlayedShape, seed: int, packets: int) -> Call:
    """Return one flow in which nothing was lost: first tries and their answers."""
    schedule = shape.schedule(Random(seed), packets)
    slots = schedule.slots
    return [
        (slot.at_ms / 1000, slot.direction == "up", datagram)
        for slot, datagram in zip(slots, shape.datagrams(schedule, bytes([seed + 1]) * 32), strict=True)
        if slot.retry_of is None and (slot.answers is None or slots[slot.answers].retry_of is None)
    ]


def engine_call(folder: Path, case: str) -> Call:
    """Return the flow of a recorded call."""
    return [(one.at_s, one.direction == "up", one.data) for one in engine_flow(folder, case).packets]


def compared_rules(engine: Sequence[Call], shape: Sequence[Call]) -> list[Compared]:
    """Return what each rule finds in both."""
    rows = []
    for rules, opened in ((BYTE_RULES, True), (FRAME_RULES, False)):
        for name, rule in rules.items():
            shares = []
            for calls in (engine, shape):
                packets = [inner(data) if opened else data for call in calls for _, _, data in call]
                shares.append(sum(map(rule, packets)) / len(packets))
            rows.append(Compared(name, *shares))
    return rows


def ndpi_name(call: Call) -> str:
    """Return what ndpiReader calls a flow."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flow.pcap"
        with file.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            for at_s, is_up, data in call:
                packet = _datagram(is_up, data)
                size = len(packet)
                out.write(struct.pack("<IIII", 1000 + int(at_s), int(at_s % 1 * 1e6), size, size) + packet)
        argv = ["ndpiReader", "-i", str(file), "-v", "2"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"\[proto: [\d.]+/([^\]]+)\]", done.stdout)
    return found[1] if found else "none"


def _datagram(is_up: bool, data: bytes) -> bytes:
    """Return an IPv4 packet between two addresses of RFC 5737."""
    ends = b"\xc0\x00\x02\x01\xc6\x33\x64\x01" if is_up else b"\xc6\x33\x64\x01\xc0\x00\x02\x01"
    ports = (20000, 40001) if is_up else (40001, 20000)
    head = struct.pack("!BBHHHBBH8s", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, ends)
    return head + struct.pack("!HHHH", *ports, 8 + len(data), 0) + data


def write_likeness(folder: Path, page: Path = PAGE) -> bool:
    """Write the page; return whether each shape reached the goal."""
    lines = list(_INTRODUCTION)
    good = True
    for wanted in ENGINE_SHAPES:
        file = SHAPES_FOLDER / f"{wanted.name}.shape"
        if (
            not wanted.beside
            or not file.exists()
            or not all((folder / f"{case}.pcap").exists() for case in wanted.beside)
        ):
            continue
        section, reached = _section(folder, wanted, played_shape(file.read_bytes()))
        lines += section
        good &= reached
    page.write_text("\n".join(lines) + "\n")
    return good


def _section(folder: Path, wanted: EngineShape, shape: PlayedShape) -> tuple[list[str], bool]:
    engine = [engine_call(folder, case) for case in wanted.beside]
    packets = MEDIA_PACKETS.get(wanted.name, OTHER_MEDIA_PACKETS)
    drawn = [played_call(shape, seed, packets) for seed in range(DRAWN_CALLS)]
    rows = compared_rules(engine, drawn)
    alike = sum(row.is_alike for row in rows)
    origin = shape.record.origin
    lines = [
        "",
        f"## {wanted.name}",
        "",
        f"{origin.engine} {origin.version}, recorded on {origin.day}: made from {len(wanted.cases)} calls, compared"
        f" with {len(wanted.beside)} others. **{alike} of {len(rows)} rules alike ({100 * alike / len(rows):.0f} %).** "
        f"{_ndpi_words(engine, drawn)}",
        "",
        "| rule | engine, % of packets | shape, % of packets | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.rule} | {_percent(row.engine)} | {_percent(row.shape)} | {'' if row.is_alike else '≠'} |"
        for row in rows
        if row.engine or row.shape
    ]
    neither = ", ".join(row.rule for row in rows if not row.engine and not row.shape)
    return [*lines, "", f"Found in neither: {neither}."], alike >= GOAL * len(rows)


def _ndpi_words(engine: Sequence[Call], drawn: Sequence[Call]) -> str:
    if not shutil.which("ndpiReader"):
        return "nDPI was not asked (apt install libndpi-bin)."
    names = [sorted({ndpi_name(call) for call in calls}) for calls in (engine, drawn[: len(engine) + 2])]
    return f"nDPI names the engine's calls {', '.join(names[0])}, the shape's {', '.join(names[1])}."


def _percent(share: float) -> str:
    return "0" if not share else f"{100 * share:.2f}" if share < 0.01 else f"{100 * share:.1f}"


_INTRODUCTION: Final = (
    "# How like the engines' calls the made shapes are",
    "",
    "Written by `make engines` (`python -m proof.engines likeness`). Each rule is one that a filter may have. A row"
    " says in how many of the packets it finds something: in calls of the engine that the shape was not made from,"
    f" and in calls that the shape gives ({DRAWN_CALLS} drawn). A rule is alike where it finds something in both or in"
    f" neither; the goal is {GOAL:.0%} of them.",
)


def printed_sections(page: Path = PAGE) -> Iterator[str]:
    """Yield the lines of the page that sum up."""
    yield from (line for line in page.read_text().splitlines() if line.startswith("##") or "rules alike" in line)
