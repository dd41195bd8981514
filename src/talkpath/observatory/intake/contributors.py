"""Who sent how much, without knowing who: pseudonyms of a day, and limits by them (DESIGN section 8).

Contract: an address is turned into HMAC-SHA-256(day key, its /24 or /48), cut to 64 bits, and forgotten. The day key
is drawn anew each day of UTC and at each start, is in memory only, and is never shown. So pseudonyms of two days, or of
two starts, cannot be compared by anybody.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

KEY_BYTES, PSEUDONYM_BYTES = 32, 8
V4_BYTES, V6_BYTES = 3, 6  # of a prefix
MAPPED = bytes(10) + b"\xff\xff"  # IPv4 in IPv6, RFC 4291 section 2.5.5.2
HOUR_S = 3600.0
MOST_PEOPLE = 200_000  # whose limits are remembered at once


class Contributor(NamedTuple):
    """A pseudonym, and the number of the key that it was made with. (0, 0): no address was there."""

    pseudonym: int = 0
    key: int = 0


@dataclass
class Contributors:
    """Makes pseudonyms. `today` tells the day of UTC."""

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
            prefix = _prefix(host or "")
        except (OSError, ValueError):
            return Contributor()
        made = self._keyed.copy()
        made.update(prefix)
        return Contributor(int.from_bytes(made.digest()[:PSEUDONYM_BYTES], "big") or 1, self._number)


def _prefix(host: str) -> bytes:
    packed = inet_pton(AF_INET6 if ":" in host else AF_INET, host.partition("%")[0])
    packed = packed.removeprefix(MAPPED)
    kept = V6_BYTES if len(packed) > len(MAPPED) else V4_BYTES
    return packed[:kept] + bytes(len(packed) - kept)


@dataclass
class Limit:
    """At most `an_hour` of something from one contributor, that many at once too. `now` in monotonic seconds."""

    an_hour: int
    now: Callable[[], float]
    _left: dict[Contributor, tuple[float, float]] = field(default_factory=dict, init=False, repr=False)

    def wait_s(self, who: Contributor) -> float:
        """0 where one more is within the limit, and then it counts; else after how long one will be."""
        now = self.now()
        left, at = self._left.pop(who, (float(self.an_hour), now))
        left = min(float(self.an_hour), left + (now - at) * self.an_hour / HOUR_S)
        taken = left >= 1.0
        self._left[who] = left - taken, now  # at the end: the first of the dict has been quiet longest
        if len(self._left) > MOST_PEOPLE:
            del self._left[next(iter(self._left))]
        return 0.0 if taken else (1.0 - left) * HOUR_S / self.an_hour
