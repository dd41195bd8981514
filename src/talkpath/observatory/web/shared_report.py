"""Finds one report by its id, for whoever was given the address of its page.

An id is the SHA-256 of a signed bundle: only its sender, and whom the sender tells it, can know it before the report's
day is sealed and published.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from talkpath.evidence.share import SHA256_HEX
from talkpath.observatory.events.record import UNKNOWN_NETWORK
from talkpath.observatory.index.queries import ReportVerdict, report_verdicts
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


def shared_report(find: Callable[[str], Known | None], store: Store, name: str) -> SharedReport | None:
    """The report of that id; None where there is none. `find` looks into the log."""
    known = find(name) if SHA256_HEX.fullmatch(name) else None
    if known is None:
        return None
    if known.state != "judged":
        return SharedReport(id=name, state=known.state, why=known.why if known.state == "unfit" else "")
    verdicts = tuple(report_verdicts(store, name, known.measured))
    if not verdicts:  # the index has not read it yet
        return SharedReport(id=name, state="received")
    counts = verdicts[0].network != UNKNOWN_NETWORK
    return SharedReport(
        id=name,
        state="judged",
        day=known.measured,
        network=verdicts[0].network if counts else "",
        country=verdicts[0].country if counts else "",
        verdicts=verdicts,
    )
