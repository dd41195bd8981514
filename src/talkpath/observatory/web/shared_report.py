"""Finds one report by its id, for whoever was given the address of its page.

An id is the SHA-256 of a signed bundle: only its sender, and whom the sender tells it, can know it before it is
published, beside what enough people measured. From then on what too few did is not shown here either.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from talkpath.evidence.share import SHA256_HEX
from talkpath.observatory.events.record import UNKNOWN_NETWORK
from talkpath.observatory.index.queries import ReportVerdict, network_days, report_verdicts
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.register import Known, State


class SharedReport(Struct, frozen=True):
    """One report. `day` and `verdicts` are empty until it was judged and read into the index, and once it was taken
    back; `why` says why it could not be judged. `network` and `country` are where it counts, "" for nowhere."""

    id: str
    state: State
    day: str = ""
    why: str = ""
    network: str = ""
    country: str = ""
    verdicts: tuple[ReportVerdict, ...] = ()


def shared_report(find: Callable[[str], Known | None], store: Store, least: int, name: str) -> SharedReport | None:
    """The report of that id; None where there is none. `find` looks into the log; where `least` people measured one of
    its apps, its id may be published, and only what so many measured is told."""
    known = find(name) if SHA256_HEX.fullmatch(name) else None
    if known is None:
        return None
    if known.state != "judged":
        return SharedReport(id=name, state=known.state, why=known.why if known.state == "unfit" else "")
    verdicts = tuple(report_verdicts(store, name, known.measured))
    if not verdicts:  # the index has not read it yet
        return SharedReport(id=name, state="received")
    shown = tuple(one for one in verdicts if _people_of(store, one, known.measured) >= least)
    counts = verdicts[0].network != UNKNOWN_NETWORK
    return SharedReport(
        id=name,
        state="judged",
        day=known.measured,
        network=verdicts[0].network if counts else "",
        country=verdicts[0].country if counts else "",
        verdicts=shown or verdicts,
    )


def _people_of(store: Store, verdict: ReportVerdict, day: str) -> int:
    """How many people, at least, measured that app and medium there on that day."""
    only = {name: getattr(verdict, name) for name in ("country", "network", "app", "medium")}
    return max((one.contributors for one in network_days(store, since=day, until=day, **only)), default=0)
