"""The detector's input: day counts, and the arrays made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from msgspec import field

from talkpath.errors import UsageError
from talkpath.observatory.detect.assumptions import SOURCES, TAP, VOUCHED, ReportSource
from talkpath.observatory.events.record import StreamDay, StreamKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SERVERS_APART = 8  # of a country that are told apart: those with most reports, all others as one


class ReportCounts(StreamDay, frozen=True):
    """What one source said on one day of one app and medium on one network; several records of the same add up.

    `reports` are decided ones, `restricted` of them say so. A tap says only that a call failed: of the source `tap`
    both are the number of taps. At least `contributors` people sent the reports, and at least `restricted_contributors`
    of them those that say restricted. `rules` count what restricted reports name, `families` the
    versions of IP ("4", "6") that they are about, where that is known, `responders` gives (reports, restricted) by the
    far end's key, `carries` the transports that still carried, and `bundles` ids of evidence.
    """

    source: ReportSource
    reports: int
    restricted: int
    contributors: int = 1
    restricted_contributors: int = 1
    rules: Mapping[str, int] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)
    servers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    carries: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    simulated: bool = False


@dataclass(frozen=True)
class Panel:
    """Counts as arrays: `restricted` and `reports` of streams x days x sources; of streams x days x servers x VOUCHED
    those that listed test servers vouch for.

    `dates` are the ordinals of days on which anybody measured anything; on others nothing is said. `heard` tells where
    a source measured at all: a day without reports says nothing, but one without taps does, where the network has taps
    elsewhere. `group` numbers the network of each stream, `kin` its app and medium in its country.
    """

    streams: list[StreamKey]
    dates: NDArray[np.int64]
    restricted: NDArray[np.int64]
    reports: NDArray[np.int64]
    heard: NDArray[np.bool_]
    group: NDArray[np.int64]
    kin: NDArray[np.int64]
    server_restricted: NDArray[np.int64]
    server_reports: NDArray[np.int64]

    def day(self, at: int) -> str:
        """The date of the day with this number."""
        return date.fromordinal(int(self.dates[at])).isoformat()


def summed_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """How often each name is counted in all of them, in the names' order."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))


def panel_of(counts: Iterable[ReportCounts]) -> Panel:
    """The arrays of all counts."""
    import numpy as np

    found = list(counts)
    if not found:
        raise UsageError("There are no reports to look for events in.")
    streams, days = sorted({one.stream for one in found}), sorted({_day_number(one.day) for one in found})
    row, column = ({name: at for at, name in enumerate(names)} for names in (streams, days))
    restricted = np.zeros((len(streams), len(days), len(SOURCES)), np.int64)
    reports = np.zeros_like(restricted)
    servers = _numbered_servers(found)
    of_servers = np.zeros((2, len(streams), len(days), MAX_SERVERS_APART, len(VOUCHED)), np.int64)
    for one in found:
        at = row[one.stream], column[_day_number(one.day)]
        restricted[*at, SOURCES.index(one.source)] += one.restricted
        reports[*at, SOURCES.index(one.source)] += one.reports
        for key, vouched in one.servers.items() if one.source in VOUCHED else ():
            of_servers[:, *at, servers[key], VOUCHED.index(one.source)] += vouched
    return panel_of_arrays(streams, np.array(days), restricted, reports, of_servers[1], of_servers[0])


def _numbered_servers(counts: Iterable[ReportCounts]) -> dict[str, int]:
    """A number for each server; those beyond MAX_SERVERS_APART - 1 share the last one, as whoever lies among them
    taints only that."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update({key: reports for key, (reports, _) in one.servers.items()})
    ordered = sorted(total, key=lambda key: (-total[key], key))
    return {key: min(at, MAX_SERVERS_APART - 1) for at, key in enumerate(ordered)}


def panel_of_arrays(
    streams: list[StreamKey],
    dates: NDArray[np.int64],
    restricted: NDArray[np.int64],
    reports: NDArray[np.int64],
    server_restricted: NDArray[np.int64],
    server_reports: NDArray[np.int64],
) -> Panel:
    """A panel of counts that are arrays already."""
    import numpy as np

    _, group = np.unique([f"{country} {network}" for country, network, _, _ in streams], return_inverse=True)
    _, kin = np.unique([f"{country} {app} {medium}" for country, _, app, medium in streams], return_inverse=True)
    heard = reports > 0
    tapped = np.zeros((group.max() + 1, reports.shape[1]), bool)
    np.logical_or.at(tapped, group, heard[:, :, TAP])
    ever = np.logical_or.accumulate(heard[:, :, TAP], axis=1)  # what nobody can tap has no days without taps
    heard[:, :, TAP] = tapped[group] & ever
    return Panel(
        streams=streams,
        dates=dates,
        restricted=restricted,
        reports=reports,
        heard=heard,
        group=group,
        kin=kin,
        server_restricted=server_restricted,
        server_reports=server_reports,
    )


def _day_number(day: str) -> int:
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError:
        raise UsageError("A count has a day that is none; days are written as 2025-08-13.") from None
