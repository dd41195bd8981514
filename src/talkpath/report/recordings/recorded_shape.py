"""What stays of recorded calls in a shape, as text and as JSON: kinds of packets, their structure, what is random."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from talkpath.apps.recorded.field_text import fields_to_text
from talkpath.apps.recorded.fields import ConstantField, Field
from talkpath.apps.recorded.record import PacketKind, RecordedShape, Told
from talkpath.apps.recorded.shape_text import shape_digest, write_shape_text

_TOLD: Final[dict[Told, str]] = {
    "protocol": "told by its protocol",
    "recordings": "told by what several recordings share",
    "one": "told by one recording: only a short mark is kept",
}
_MAX_LITERAL_BYTES: Final = 48
DIGEST_CHARACTERS: Final = 12


def packet_sizes(shape: RecordedShape) -> dict[str, tuple[int, int]]:
    """Return the least and the largest size of each kind of packet that a set-up or a block has."""
    sizes: dict[str, set[int]] = defaultdict(set)
    for setup in shape.setups:
        for step in setup:
            sizes[step.kind].add(step.size)
    for block in shape.blocks:
        for packet in block.packets:
            sizes[packet.kind].add(packet.size)
    return {kind: (min(found), max(found)) for kind, found in sizes.items()}


def summary_lines(shape: RecordedShape) -> Iterator[str]:
    """Yield in a few lines what the shape was made from and what it holds."""
    origin = shape.origin
    calls = "one recording" if origin.recordings == 1 else f"{origin.recordings} recordings"
    yield (
        f"{shape.name}: a {shape.medium} call from {calls} of {origin.app}, "
        f"{origin.packets} packets in {origin.seconds:.0f} s; digest {shape_digest(shape)[:DIGEST_CHARACTERS]}"
    )
    told = {kind.told for kind in shape.kinds}
    yield (
        f"{len(shape.kinds)} kinds of packets, {len(shape.setups)} set-ups, {len(shape.blocks)} blocks of sizes and"
        f" gaps, {len(write_shape_text(shape)) / 1000:.1f} kB."
    )
    if "one" in told:
        yield "Several recordings of the same app would tell structure from chance better than one."
    yield from origin.notes


def kind_lines(shape: RecordedShape) -> Iterator[str]:
    """Yield each kind of packet: who sends it, how many there were, and its bytes. Hex digits are what stays the same,
    words in brackets what is made anew."""
    sizes = packet_sizes(shape)
    for kind in shape.kinds:
        least, most = sizes.get(kind.name, (0, 0))
        size = f", {least} to {most} bytes" if most > least else f", {most} bytes" if most else ""
        answers = f", answers {kind.answers}" if kind.answers else ""
        yield f"{kind.name}: {kind.direction}, {kind.stage}{answers}, {kind.packets} packets{size}, {_TOLD[kind.told]}"
        yield f"    {shown_fields(kind)}"
    for message in shape.messages:
        yield f"message {message.name}"
        yield f"    {' '.join(map(_shown_field, message.fields))}"


def shown_fields(kind: PacketKind) -> str:
    """Return the bytes of a kind as a person reads them."""
    return " ".join(map(_shown_field, kind.fields))


def _shown_field(field: Field) -> str:
    if isinstance(field, ConstantField):
        shown = field.data[:_MAX_LITERAL_BYTES].hex(" ")
        more = len(field.data) - _MAX_LITERAL_BYTES
        return f"{shown} … {more} more" if more > 0 else shown
    return re.sub(r"^(\w+)(.*)$", r"[\1\2]", fields_to_text((field,)), flags=re.DOTALL)


def shape_record(shape: RecordedShape) -> dict[str, Any]:
    """Return the JSON object that `talkpath shape --json` prints."""
    sizes = packet_sizes(shape)
    return {
        "name": shape.name,
        "medium": shape.medium,
        "digest": shape_digest(shape),
        "origin": shape.origin,
        "kinds": [
            {
                "name": kind.name,
                "direction": kind.direction,
                "stage": kind.stage,
                "answers": kind.answers,
                "told": kind.told,
                "packets": kind.packets,
                "recordings": kind.recordings,
                "sizes": sizes.get(kind.name),
                "bytes": fields_to_text(kind.fields),
            }
            for kind in shape.kinds
        ],
        "messages": {message.name: fields_to_text(message.fields) for message in shape.messages},
        "setups": len(shape.setups),
        "blocks": len(shape.blocks),
    }
