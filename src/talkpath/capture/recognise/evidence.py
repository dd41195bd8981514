"""What the app files' recognisers said of one flow or stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from talkpath.apps.contract.feature import Feature, confidence_of
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram


@dataclass(slots=True)
class AppEvidence:
    """The hits of one app's recogniser in one flow or stream: how many, of which kinds, with which features."""

    hits: int = 0
    features: set[Feature] = field(default_factory=set)
    confidence: float = 0.0
    kinds: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    media: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    first_s: float = float("inf")
    last_s: float = float("-inf")

    def add(self, hit: RecognisedDatagram, at_s: float) -> None:
        """Add one recognised datagram."""
        self.hits += 1
        self.kinds[hit.kind] += 1
        if hit.medium:
            self.media[hit.medium] += 1
        self._show(hit.features)
        self.first_s, self.last_s = min(self.first_s, at_s), max(self.last_s, at_s)

    def add_all(self, other: AppEvidence) -> None:
        """Add all that another holds."""
        self.hits += other.hits
        self._show(other.features)
        for kind, times in other.kinds.items():
            self.kinds[kind] += times
        for medium, times in other.media.items():
            self.media[medium] += times
        self.first_s, self.last_s = min(self.first_s, other.first_s), max(self.last_s, other.last_s)

    def _show(self, features: Collection[Feature]) -> None:
        if not self.features.issuperset(features):
            self.features.update(features)
            self.confidence = confidence_of(self.features)


@dataclass(slots=True)
class KnownFlow:
    """What is known of one flow: the view that recognisers get, its local end (0 or 1, a first guess), their notes and
    their evidence.

    `names` are the app files that recognised some of it, `sure` the one that alone is asked. `asked` counts datagrams
    that are none of STUN, DTLS and RTP, `checks` counts STUN messages. Sets are frozen: of most flows they stay empty,
    and an empty set of its own takes 216 bytes.
    """

    view: FlowView
    local: int
    notes: dict[str, dict[str, object]] = field(default_factory=dict)
    evidence: defaultdict[str, AppEvidence] = field(default_factory=lambda: defaultdict(AppEvidence))
    stitches: frozenset[bytes] = frozenset()
    setups: frozenset[str] = frozenset()
    peers: frozenset[tuple[bytes, bytes]] = frozenset()
    """The peers for which a permission was asked at a TURN server: addresses and ports as they stand in the message."""
    names: list[str] = field(default_factory=list)
    asked: int = 0
    checks: int = 0
    sure: str = ""
    end_names: frozenset[tuple[bytes, int]] = frozenset()
    """The ICE names of checks, each with the end that it is of."""

    sessions: frozenset[tuple[bytes, bytes]] = frozenset()
    """The two names of each ICE session that was checked, in order, without their direction (RFC 8445 section 7.2.2).
    """
