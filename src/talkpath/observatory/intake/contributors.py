"""Pseudonyms of contributors that last a day, and limits on how much each of them may send.

Contract: an address is turned into HMAC-SHA-256(day key, its /24 or /48), cut to 64 bits, and not kept. A new day key
is drawn each day of UTC and at each start; it is in memory only. So nobody can compare pseudonyms of two days, or of
two starts.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.serving.connections import block_of

KEY_BYTES, PSEUDONYM_BYTES = 32, 8
HOUR_S = 3600.0
MOST_PEOPLE = 200_000  # buckets that are kept; the one unused for longest is dropped first


class Contributor(NamedTuple):
    """A pseudonym, and the number of the key that it was made with; (0, 0) where there was no address."""

    pseudonym: int = 0
    key: int = 0


@dataclass
class Contributors:
    """Makes pseudonyms. `today` gives the day of UTC."""

    today: Callable[[], str]
    _day: str = field(default="", init=False)
    _keyed: hmac.HMAC = field(init=False, repr=False)
    _number: int = field(default=0, init=False)

    def of(self, host: str | None) -> Contributor:
        """The pseudonym of an address literal."""
        if (day := self.today()) != self._day:
            self._day, self._keyed = day, hmac.new(os.urandom(KEY_BYTES), digestmod="sha256")
            self._number = int.from_bytes(os.urandom(PSEUDONYM_BYTES), "big") >> 1
        try:
            block = block_of(host or "")
        except ValueError:
            return Contributor()
        made = self._keyed.copy()
        made.update(block)
        return Contributor(int.from_bytes(made.digest()[:PSEUDONYM_BYTES], "big") or 1, self._number)


@dataclass
class HourlyLimit:
    """A token bucket for each contributor: `an_hour` of something an hour, and as many at once. `now` is in monotonic
    seconds."""

    an_hour: int
    now: Callable[[], float]
    _left: dict[Contributor, tuple[float, float]] = field(default_factory=dict, init=False, repr=False)

    def wait_s(self, who: Contributor) -> float:
        """0 where one more is within the limit, which then counts it; else the seconds until one is."""
        now = self.now()
        left, at = self._left.pop(who, (float(self.an_hour), now))
        left = min(float(self.an_hour), left + (now - at) * self.an_hour / HOUR_S)
        taken = left >= 1.0
        self._left[who] = left - taken, now  # at the end: the first of the dict has been quiet longest
        if len(self._left) > MOST_PEOPLE:
            del self._left[next(iter(self._left))]
        return 0.0 if taken else (1.0 - left) * HOUR_S / self.an_hour

    def require(self, who: Contributor) -> None:
        """Count one more; `ReportRefusedError` beyond the limit."""
        if wait_s := self.wait_s(who):
            raise ReportRefusedError("limited", retry_after_s=int(wait_s) + 1)
