"""Makes the shapes of today's engines from recordings of them: the files in `src/talkpath/apps/recorded/data`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from proof.engines import pcap
from proof.engines.record import ROOT
from proof.engines.sfu_shape import behind_sfu
from talkpath.apps.recorded.record import RecordedShape, ShapeOrigin
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.capture.shapes.recorded_flow import RecordedFlow, read_flow

SHAPES_FOLDER: Final = ROOT / "src" / "talkpath" / "apps" / "recorded" / "data"


@dataclass(frozen=True, slots=True)
class EngineShape:
    """A shape: the engine, the cases that it is made of, and others of the same engine that it is compared with.

    `sfu`: changed to a call through Google's SFU.
    """

    name: str
    engine: str
    cases: tuple[str, ...]
    beside: tuple[str, ...] = ()
    sfu: bool = False


ENGINE_SHAPES: Final = (
    EngineShape(
        "telegram-direct",
        "telegram",
        ("tg_voice_direct.a", "tg_voice_13.a", "tg_voice_direct_4.a"),
        ("tg_voice_callee_ends.a", "tg_voice_jitter.a", "tg_voice_loss.a"),
    ),
    EngineShape(
        "telegram-reflector",
        "telegram",
        ("tg_voice_reflector.a", "tg_voice_loss_reflector.a"),
        ("tg_voice_outage_reflector.a",),
    ),
    EngineShape(
        "chromium",
        "chromium",
        ("cr_voice_direct.a", "cr_voice_direct_4.a", "cr_voice_direct_6.a"),
        ("cr_voice_callee_ends.a", "cr_voice_jitter.a", "cr_voice_loss.a"),
    ),
    EngineShape("firefox", "firefox", ("ff_voice_direct.a", "ff_voice_loss.a"), ("ff_voice_outage.a",)),
    EngineShape("telegram-direct-video", "telegram", ("tg_video_direct.a", "tg_video_loss.a")),
    EngineShape("telegram-reflector-video", "telegram", ("tg_video_reflector.a", "tg_video_muted_reflector.a")),
    EngineShape("chromium-video", "chromium", ("cr_video_direct.a", "cr_video_data_direct.a"), ("cr_video_loss.a",)),
    EngineShape("meet", "chromium", ("cr_voice_direct.a", "cr_voice_direct_4.a", "cr_voice_direct_6.a"), sfu=True),
    EngineShape("meet-video", "chromium", ("cr_video_direct.a", "cr_video_data_direct.a"), sfu=True),
)


def engine_flow(folder: Path, case: str) -> RecordedFlow:
    """Return the call's flow of one recording, up to where an end muted itself: blocks of silence among those of speech
    would make a call in which somebody mutes every few seconds."""
    truth = json.loads((folder / f"{case.partition('.')[0]}.json").read_text())
    events = [event for end in truth["ends"].values() for event in end["log"]]
    muted_s = min((event["at_s"] for event in events if event["event"] == "muted"), default=inf)
    link, frames = pcap.read(folder / f"{case}.pcap")
    with TemporaryDirectory() as name:
        pcap.write(Path(name) / "call.pcap", link, [frame for frame in frames if frame.at_s < muted_s])
        return read_flow(partial((Path(name) / "call.pcap").open, "rb", 0))  # type: ignore[arg-type]


def engine_shape(folder: Path, wanted: EngineShape) -> RecordedShape:
    """Return the shape of an engine's calls, with its version and the day of the first recording."""
    truth = json.loads((folder / f"{wanted.cases[0].partition('.')[0]}.json").read_text())
    media_s = truth["media_s"]
    day = datetime.fromtimestamp(media_s, UTC).date().isoformat()
    origin = ShapeOrigin(engine=wanted.engine, version=truth["engines"][wanted.engine], day=day)
    shape = make_shape([engine_flow(folder, case) for case in wanted.cases], wanted.name, origin)
    return behind_sfu(shape, wanted.name) if wanted.sfu else shape


def write_shapes(folder: Path, target: Path = SHAPES_FOLDER) -> Iterator[str]:
    """Write the shapes of all engines that a folder has recordings of; yield a line on each."""
    target.mkdir(parents=True, exist_ok=True)
    for wanted in ENGINE_SHAPES:
        if not all((folder / f"{case}.pcap").exists() for case in wanted.cases):
            yield f"{wanted.name}: no recordings of it here"
            continue
        data = write_shape_text(engine_shape(folder, wanted))
        (target / f"{wanted.name}.shape").write_bytes(data)
        yield f"{wanted.name}.shape: {len(data)} bytes"
