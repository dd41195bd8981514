"""Measurements that others published (data/published.toml): kind `published`, ranked below own ones.

A row says what somebody found, where and when. It is held as one network that stands for its place, since what is
published seldom tells networks apart, and never against a claim that itself only restates it (`claims`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from talkpath.days import later_day
from talkpath.observatory.data_files import packaged_rows
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """One finding that others published. It held on each day from `begin` to `end`, as far as its source says.

    `onset`: the source says that the state began on the day `begin`. `basis` as in tp-002. `p` is a share lost, where
    the source gives one. `claims` are ids of rows that restate it.
    """

    id: str
    who: str
    finding: str
    source: str
    begin: str
    end: str
    country: str
    apps: tuple[str, ...]
    media: tuple[str, ...]
    state: Literal["ok", "restricted"]
    basis: Literal["shape", "webrtc", "address", "signalling", "call"]
    rule: str | None = None
    p: float | None = None
    onset: bool = False
    claims: tuple[str, ...] = ()

    def days(self) -> list[NetworkDay]:
        """Each day of each app and medium, as if of one network whose name is this row's."""
        first, last = date.fromisoformat(self.begin), date.fromisoformat(self.end)
        dates = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
        streams = [(app, medium) for app in self.apps for medium in self.media]
        return [self._day(app, medium, day) for app, medium in streams for day in dates]

    def events(self) -> list[Event]:
        """The restriction that it reports, one event for each app and medium; none where it reports no restriction."""
        if self.state != "restricted":
            return []
        return [self._event(app, medium) for app in self.apps for medium in self.media]

    def _day(self, app: str, medium: str, day: str) -> NetworkDay:
        restricted = self.state == "restricted"
        return NetworkDay(
            network=self.id,
            country=self.country,
            app=app,
            medium=medium,
            day=day,
            basis=self.basis,
            restricted=int(restricted),
            ok=int(self.state == "ok"),
            rules=(self.rule or "media.unknown",) if restricted else (),
            ps=(self.p,) if restricted and self.p is not None else (),
        )

    def _event(self, app: str, medium: str) -> Event:
        day_before = later_day(self.begin, -1)
        return Event(
            id=f"{self.id}/{app}/{medium}",
            network=self.id,
            country=self.country,
            app=app,
            medium=medium,
            kind="began",
            onset_low=day_before if self.onset else None,
            onset_high=self.begin,
            level="confirmed",
            count=1,
            contributors=1,
            rule=self.rule,
        )


def load_published() -> list[Published]:
    """All findings that come with talkpath."""
    return list(packaged_rows("published.toml", "measurement", Published))
