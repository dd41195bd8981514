"""`--like`, for every command that places calls: a shape, and whether the far end can know its packets.

A receiver knows each packet by some of its bytes. A file that somebody wrote can have packets of two kinds alike: one
of them would seem lost in every call, and never in control traffic, on whatever network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import FileError

if TYPE_CHECKING:
    from talkpath.apps.contract.shape import Slot
    from talkpath.apps.recorded.record import RecordedShape

LIKE_OTHERS = "Packets of this shape are like others of it, so that nobody could tell which of them arrived."


def require_known_packets(record: RecordedShape) -> None:
    """Play every set-up and every block once, all counters from the same number: `FileError` where the far end takes a
    packet for another one."""
    from random import Random

    from msgspec.structs import replace

    from talkpath.apps.recorded.fields import CounterField
    from talkpath.apps.recorded.played import PlayedShape
    from talkpath.grouping import grouped_by_key

    kinds = tuple(
        replace(
            kind, fields=tuple(replace(one, start=0) if isinstance(one, CounterField) else one for one in kind.fields)
        )
        for kind in record.kinds
    )
    groups = grouped_by_key(((block.direction, block.after_ms), block) for block in record.blocks).values()
    blocks = tuple(
        replace(one[0], packets=tuple(packet for block in one for packet in block.packets)) for one in groups
    )
    for start in range(max(1, len(record.setups))):
        shape = PlayedShape(replace(record, kinds=kinds, blocks=blocks, setups=record.setups[start : start + 1]))
        schedule = shape.schedule(Random(1), sum(len(block.packets) for block in blocks))
        if not _are_known(schedule.slots, shape.datagrams(schedule, bytes(32))):
            raise FileError(LIKE_OTHERS)


def _are_known(slots: Sequence[Slot], datagrams: Sequence[bytes]) -> bool:
    """Whether each packet is found at its own place by the bytes that a receiver looks at. A try again, and a reply to
    one, may be like the first."""
    from talkpath.apps.contract.shape import KEY_BYTES

    first = [number if slot.retry_of is None else slot.retry_of for number, slot in enumerate(slots)]
    own = [
        (one, 0) if slot.answers is None else (first[slot.answers], slot.size)
        for one, slot in zip(first, slots, strict=True)
    ]
    keys = [
        (slot.direction, bytes(data[slot.key_at :][:KEY_BYTES])) for slot, data in zip(slots, datagrams, strict=True)
    ]
    places = dict(zip(reversed(keys), reversed(own), strict=True))
    return all(
        place
        == places.get((slot.direction, data[:KEY_BYTES]), places.get((slot.direction, data[KEY_BYTES:][:KEY_BYTES])))
        for slot, data, place in zip(slots, datagrams, own, strict=True)
    )


def _add_recorded(context: click.Context, _: click.Parameter, file: Path | None) -> tuple[str, ...]:
    """Have the arm of a recorded shape while the command runs; return what stands for it among the names of apps."""
    if context.resilient_parsing or file is None:
        return ()
    from talkpath.apps import added_app
    from talkpath.apps.recorded.played import PlayedShape, engine_shape_files, recorded_app
    from talkpath.capture.shapes.read_recordings import shape_of_files

    record = shape_of_files([file if file.exists() else engine_shape_files().get(str(file), file)])
    require_known_packets(record)
    app = recorded_app(PlayedShape(record))
    context.with_resource(added_app(app))
    return (app.id,)


like_option = click.option(
    "--like",
    type=click.Path(path_type=Path),
    callback=_add_recorded,
    metavar="FILE",
    help="Calls like the one in this file (a shape or a recording), or as today's chromium, firefox, telegram-direct, "
    "telegram-reflector send them; with --app the named apps' too. The test server needs no file.",
)
