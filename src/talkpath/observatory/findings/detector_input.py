"""Makes the detector's input from a folder of bundles and taps, or from the index.

Each basis counts as one source: probes measure with a test server, `endpoints` with an app's own addresses, browsers
and captures see real calls. Checks that no listed test server vouches for are a source of their own. Measurements that
others published are no reports, and are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.errors import FileError
from talkpath.grouping import grouped_by_key
from talkpath.observatory.detect.assumptions import SOURCES, VOUCHED, ReportSource
from talkpath.observatory.detect.counts import ReportCounts
from talkpath.observatory.events.network_days import NetworkDay, folder_verdicts, network_days
from talkpath.observatory.log.named_shapes import is_counted_app, load_named_shapes

if TYPE_CHECKING:
    from talkpath.observatory.index.queries import DayCount, TransportDay

HEARD_AS: dict[str, ReportSource] = {
    "shape": "probe",
    "address": "endpoints",
    "signalling": "probe",
    "webrtc": "browser",
    "call": "capture",
}


NOBODY_ANSWERS: Mapping[str, str] = MappingProxyType({})
RECORDING_SOURCES = ("capture", "accompanied")
COUNTED_WITH: dict[str, ReportSource] = {"accompanied": "capture"}
"""Sources of the log that the detector has no numbers for yet, and those that they are counted with."""


class TapLine(Struct, frozen=True):
    """One line of taps.jsonl: "my call failed"."""

    day: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
    network: Annotated[str, Meta(pattern=r"^AS[0-9]{1,10}\Z")]
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    app: Annotated[str, Meta(max_length=40)]
    medium: Literal["voice", "video", "text"]
    simulated: bool = False


def folder_counts(folder: Path, listed: Collection[str] | None = None) -> list[ReportCounts]:
    """The counts of all bundles and taps below the folder. `listed`: keys of test servers that vouch for a check; None
    where somebody trusts the folder."""
    load_named_shapes(folder)
    verdicts = [one for one in folder_verdicts(folder) if is_counted_app(one.app)]
    vouched = [one for one in verdicts if listed is None or one.responder in listed]
    others = [one for one in verdicts if listed is not None and one.responder not in listed]
    checks = (*counts_of_days(network_days(vouched)), *counts_of_days(network_days(others), vouched=False))
    return [*checks, *counts_of_taps(folder / "taps.jsonl")]


def counts_of_days(found: Iterable[NetworkDay], *, vouched: bool = True) -> Iterator[ReportCounts]:
    """The counts of network-days."""
    for day in found:
        source = HEARD_AS[day.basis]
        yield ReportCounts(
            day=day.day,
            country=day.country,
            network=day.network,
            app=day.app,
            medium=day.medium,
            source=source if vouched or source not in VOUCHED else "unlisted",
            reports=day.count,
            restricted=day.restricted,
            contributors=day.contributors,
            restricted_contributors=max(1, day.contributors - (day.count - day.restricted)),  # others said otherwise
            rules=Counter(day.rules),
            families=Counter(day.families),
            servers=day.responders if vouched else {},
            bundles=day.bundles,
            simulated=day.simulated,
        )


def counts_of_taps(path: Path) -> Iterator[ReportCounts]:
    """The counts of taps; none where there is no such file. `FileError` names a line that is no tap."""
    if not path.is_file():
        return
    lines = enumerate(path.read_bytes().splitlines(), 1)
    counted = Counter(_tap_counts(number, line) for number, line in lines if line.strip())
    for tap, count in sorted(counted.items(), key=lambda item: msgspec.structs.astuple(item[0])):
        yield ReportCounts(
            day=tap.day,
            country=tap.country,
            network=tap.network,
            app=tap.app,
            medium=tap.medium,
            source="tap",
            reports=count,
            restricted=count,
            simulated=tap.simulated,
        )


def counts_of_index(
    found: Iterable[DayCount], carried: Iterable[TransportDay] = (), operators: Mapping[str, str] = NOBODY_ANSWERS
) -> Iterator[ReportCounts]:
    """Of the index's day counts, and of what carried calls on those days; imports are no source. `operators`: who
    answers for the key of a test server (`_witnesses`).

    A recording alone says at most what it is consistent with. Of many, that is told as an accusation: the detector
    knows how often recordings of good lines look so.
    """
    transports = grouped_by_key(((*day.stream, day.day), day.transport) for day in carried)
    counts = list(found)
    keys = ((one.network, key) for one in counts if one.listed for key in one.responders)
    asked = {network: _witnesses(own, operators) for network, own in grouped_by_key(dict.fromkeys(keys)).items()}
    for one in counts:
        source = COUNTED_WITH.get(one.source, one.source)
        if source in VOUCHED and not one.vouched:
            source = "unlisted"
        if source in SOURCES:
            reports, restricted = _reports_heard(one)
            said_so = one.contributors if one.source == "tap" else one.restricted_contributors
            yield ReportCounts(
                day=one.day,
                country=one.country,
                network=one.network,
                app=one.app,
                medium=one.medium,
                source=source,
                reports=reports,
                restricted=restricted,
                contributors=max(one.contributors, 1),
                restricted_contributors=max(said_so, 1),
                rules=one.rules,
                families=one.families,
                servers=_by_witness(one, asked.get(one.network, NOBODY_ANSWERS)),
                carries=tuple(transports.get((*one.stream, one.day), ())),
                bundles=one.bundles,
                simulated=one.simulated,
            )


def _witnesses(keys: Collection[str], operators: Mapping[str, str]) -> Mapping[str, str]:
    """As whose word each listed server that a network was measured with counts.

    All of one operator are one witness beside another operator's: one hand may lie with all of them. Where all are one
    operator's they are two, so that one that is broken into confirms nothing by itself, and all together are never
    "hard to fake", which takes three.
    """
    found = {key: operators.get(key) or key for key in keys}
    if len(set(found.values())) > 1:
        return found
    first, *others = sorted(keys)
    return {first: first} | dict.fromkeys(others, "".join(others[:1]))


def _by_witness(one: DayCount, witnesses: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """(reports, those that say restricted) of each witness's servers, under the key of one that is nobody's."""
    keys = grouped_by_key((witnesses.get(key, key), key) for key in (one.responders if one.vouched else ()))
    return {
        who: (sum(one.responders[key] for key in own), sum(one.responders_restricted.get(key, 0) for key in own))
        for who, own in keys.items()
    }


def _reports_heard(one: DayCount) -> tuple[int, int]:
    """(reports, those that say restricted)."""
    if one.source == "tap":
        return one.failed, one.failed
    consistent = one.consistent if one.source in RECORDING_SOURCES else 0
    return one.count + consistent, one.restricted + consistent


def _tap_counts(number: int, line: bytes) -> TapLine:
    try:
        return msgspec.json.decode(line, type=TapLine)
    except msgspec.MsgspecError as error:
        raise FileError(f"Line {number} of taps.jsonl is no tap: {error}. Mend or delete it.") from None
