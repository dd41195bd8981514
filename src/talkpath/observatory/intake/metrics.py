"""The observatory's metrics, for Prometheus. No label names a person or a network."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from talkpath.observatory.log.committer import MAX_COMMITTED_TOGETHER

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, MAX_COMMITTED_TOGETHER)


class Metrics:
    """The metrics of one observatory."""

    def __init__(self) -> None:
        all_ = self._registry = CollectorRegistry()
        self._taken = Counter("talkpath_taken", "Things taken, durable when counted.", ["kind", "new"], registry=all_)
        self._refused = Counter("talkpath_refused", "Requests refused, by code.", ["code"], registry=all_)
        self._judged = Counter("talkpath_judged", "Bundles judged, by outcome.", ["outcome"], registry=all_)
        self._groups = Histogram("talkpath_commit_group", "Records that shared a sync.", buckets=SIZES, registry=all_)
        self._position = Gauge("talkpath_log_records", "Number of the last record on the disk.", registry=all_)
        self._lag = Gauge("talkpath_index_lag_records", "Records that are not in the index yet.", registry=all_)
        self._unloaded = Gauge("talkpath_index_passed_over", "Records that cannot be loaded.", registry=all_)
        self._step = Gauge("talkpath_clock_step_seconds", "How far the clock was set since the start.", registry=all_)

    def took(self, kind: str, new: bool) -> None:
        """A bundle, tap or withdrawal was taken; `new` is false where it was there already."""
        self._taken.labels(kind, str(new).lower()).inc()

    def refused(self, code: str) -> None:
        """A request was refused."""
        self._refused.labels(code).inc()

    def judged(self, outcome: str) -> None:
        """ "judged", "unfit", or "again": by newer rules than before."""
        self._judged.labels(outcome).inc()

    def committed(self, count: int) -> None:
        """A group of records is on the disk."""
        self._groups.observe(count)

    def stands(self, last: int, indexed: int, passed_over: int, clock_step_s: float) -> None:
        """The positions of log and index, and how many records it could not load."""
        self._unloaded.set(passed_over)
        self._position.set(last)
        self._lag.set(max(last - indexed, 0))
        self._step.set(clock_step_s)

    def text(self) -> bytes:
        """All metrics in the exposition format, version 0.0.4."""
        return generate_latest(self._registry)
