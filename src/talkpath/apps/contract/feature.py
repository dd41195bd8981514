"""Features: what tells an app's calls from others', and in how many recordings of both each was counted.

Each app file has one table of them (`FEATURES`). Its recogniser names the features that a datagram shows. From the
counts follows a weight, and from the weights of all features of a session how sure the name is: one feature alone
leaves a doubt, two independent ones do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import exp, log

PRIOR_SHARE = 0.01
"""How likely an app is before anything was seen: one in a hundred."""
SURE_CONFIDENCE = 0.8
"""Below this confidence the name of an app is said with a question mark."""


@dataclass(frozen=True, eq=False)
class Feature:
    """What was `seen` in so many of the `calls` of an app, and `elsewhere` in so many of the `others`, recordings that
    hold none. `most` bounds the confidence of a name that rests on such features alone. Each equals itself alone."""

    name: str
    seen: int
    calls: int
    elsewhere: int
    others: int
    most: float = 1.0

    @cached_property
    def weight(self) -> float:
        """The logarithm of how much likelier it is in a call of the app; half a case is added to each count (Jeffreys'
        prior), so that a few recordings never make certain."""
        return log((self.seen + 0.5) / (self.calls + 1)) - log((self.elsewhere + 0.5) / (self.others + 1))


def confidence_of(features: Iterable[Feature]) -> float:
    """Return how sure these features together make an app: the probability by Bayes' rule, 0 without any."""
    return _confidence_of_all(frozenset(features))


@lru_cache(maxsize=1 << 12)
def _confidence_of_all(shown: frozenset[Feature]) -> float:
    if not shown:
        return 0.0
    against = exp(-sum(feature.weight for feature in shown)) * (1 - PRIOR_SHARE) / PRIOR_SHARE
    return min(1 / (1 + against), max(feature.most for feature in shown))
