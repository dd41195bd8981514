"""The detector, day after day: when each level of evidence was reached, since when, and when it was over.

A signal is told by all sources together. Beyond it only listed test servers count that vouch for reports; in a folder
that somebody trusts, the sources. A stream is quiet or under an event. Quiet, it is watched for a beginning; under an
event, for its end, with the same thresholds and the same need of servers. An end can be told only by sources that tell
the event itself. Days of an event feed no normal; of one that is only a signal, not that of the sources whose own
evidence is such that a day of it would not be clean (`doubt`): else whoever captured one source could keep the others
from ever knowing theirs. That they lean its way is not enough: half of all honest ones do at any moment, and would be
held to the normal of before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from talkpath.observatory.detect.assumptions import (
    CONFIRMED,
    DAYS_A_YEAR,
    RESISTANT,
    SIGNAL,
    SOURCES,
    TAP,
    UNLISTED,
    VOUCHED,
    Assumptions,
)
from talkpath.observatory.detect.baseline import Normal, bounded_share, normal_levels
from talkpath.observatory.detect.counts import Panel
from talkpath.observatory.detect.evidence import (
    Ring,
    agreeing_evidence,
    all_of,
    began_e_values,
    credible_days,
    ended_e_values,
    lifted_share,
    some_of,
)

if TYPE_CHECKING:
    from talkpath.measure.arrays import Bits, Floats
    from talkpath.observatory.detect.evidence import Integers


TRUSTED = [source for source in range(len(SOURCES)) if source != UNLISTED]
FORTNIGHT = 14  # days: so long an onset is dated anew, a source is lately heard of, an end may go unnoticed
JEFFREYS_RATE = (0.5, 1.0)
LOWER = -1.645


@dataclass
class ChangePoint:
    """A change of one stream, in numbers of the panel's days.

    It happened between `low` and `high`; `reached` gives the day on which each level was first reached.
    """

    low: int
    high: int
    reached: dict[int, int] = field(default_factory=dict)

    @property
    def level(self) -> int:
        """The highest level reached."""
        return max(self.reached, default=0)


@dataclass
class Episode:
    """One restriction of one stream. `tells` says which sources show it, `doubted` which of them so much that their
    days feed no normal, `usual` is the normal before it, by source. `over` is a closed end, `fading` one that is only a
    signal so far."""

    stream: int
    onset: ChangePoint
    tells: Bits
    doubted: Bits
    usual: Normal
    over: ChangePoint | None = None
    fading: ChangePoint | None = None


class Watch:
    """Watches all streams of a panel under one set of assumptions; `run` gives what happened."""

    def __init__(self, panel: Panel, rules: Assumptions) -> None:
        import numpy as np

        streams, window, sources = len(panel.streams), rules.window_days, len(SOURCES)
        self.panel, self.rules, self.episodes = panel, rules, list[Episode]()
        self._open: dict[int, Episode] = {}
        self._closing: dict[int, Episode] = {}
        kinds = len(rules.alternatives)
        self._plain, self._ends = Ring(streams, window, sources, kinds), Ring(streams, window, sources, 1)
        self._wary, self._wary_ends = Ring(streams, window, sources, kinds), Ring(streams, window, sources, 1)
        servers = panel.server_reports.shape[2]
        self._witnesses = Ring(streams, window, servers, kinds, best=True)
        self._witness_ends = Ring(streams, window, servers, 1, best=True)
        self._doubted = np.zeros(panel.restricted.shape, bool)
        self._in_event = np.zeros(panel.restricted.shape, bool)

    def run(self) -> list[Episode]:
        """Every restriction found, in order of stream and time."""
        for at in range(len(self.panel.dates)):
            self._day(at)
        return sorted(self.episodes, key=lambda each: (each.stream, each.onset.reached[min(each.onset.reached)]))

    def _day(self, at: int) -> None:
        import numpy as np

        calm = np.ones(len(self.panel.streams), bool)
        calm[list(self._open)] = False
        clean = ~(self._doubted | self._in_event)
        usual = normal_levels(self.panel, at, clean, calm, self._kept(), self.rules)
        self._beginnings(at, usual)
        self._endings(at, usual)

    def _kept(self) -> Normal:
        import numpy as np

        shape = len(self.panel.streams), len(SOURCES)
        kept = Normal(np.zeros(shape), np.zeros(shape, bool))
        for episode in (*self._closing.values(), *self._open.values()):
            kept.level[episode.stream], kept.known[episode.stream] = episode.usual.level, episode.usual.known
        return kept

    # -- beginnings ----------------------------------------------------------------------------------------------------

    def _beginnings(self, at: int, usual: Normal) -> None:
        import numpy as np

        plain = self._began(at, usual, 0)
        self._doubted[:, at] = plain.mean(axis=-1) >= self.rules.doubt
        self._plain.add(at, plain)
        if self.rules.strict:
            self._witnesses.add(at, self._servers_began(at, usual))
            self._wary.add(at, self._began(at, usual, 0, self.rules.liars))
        else:
            self._wary.add(at, self._began(at, usual, self.rules.toll))
        evidence = self._plain.since()
        weights = {
            SIGNAL: all_of(evidence),
            CONFIRMED: self._confirming(at, evidence),
            RESISTANT: self._resistant(at),
        }
        passed = np.stack(
            [weights[level].sum(axis=1) >= days for level, days in zip(weights, self.rules.threshold_days, strict=True)]
        )
        known = [stream for stream, episode in self._open.items() if episode.onset.level >= CONFIRMED]
        passed[RESISTANT - SIGNAL] &= passed[CONFIRMED - SIGNAL] | np.isin(np.arange(passed.shape[1]), known)
        for row in np.flatnonzero(passed.any(axis=0)):
            self._reached(int(row), at, passed[:, row], usual)
        for stream, episode in self._open.items():
            self._date(episode, at, weights, stream, evidence)
            part = episode.doubted if episode.onset.level < CONFIRMED else slice(None)
            self._in_event[stream, episode.onset.low : at + 1, part] = True

    def _began(self, at: int, usual: Normal, toll: int, liars: float = 0.0) -> Floats:
        """E-values of the day: streams x sources x alternatives; 1 where nothing was heard, or nothing is known. They
        hold although so many reports of each source, or such a share of them, are lies."""
        import numpy as np

        panel = self.panel
        found = np.ones((len(panel.streams), len(SOURCES), len(self.rules.alternatives)))
        for source in range(len(SOURCES)):
            rows = np.flatnonzero(panel.heard[:, at, source] & usual.known[:, source])
            restricted, reports = panel.restricted[rows, at, source], panel.reports[rows, at, source]
            restricted, reports = (restricted - toll).clip(0), (reports - toll).clip(0)
            if len(rows):
                found[rows, source] = began_e_values(
                    source, restricted, reports, usual.level[rows, source], self.rules, liars
                )
        return found

    def _servers_began(self, at: int, usual: Normal) -> Floats:
        """The same of what each listed server vouches for: streams x servers x alternatives."""
        import numpy as np

        panel = self.panel
        found = np.ones((len(panel.streams), panel.server_reports.shape[2], len(self.rules.alternatives)))
        for kind in range(len(VOUCHED)):
            restricted, reports = panel.server_restricted[:, at, :, kind], panel.server_reports[:, at, :, kind]
            rows, servers = np.nonzero((reports > 0) & usual.known[:, kind, None])
            if len(rows):
                here, level = (rows, servers), usual.level[rows, kind]
                found[here] *= began_e_values(kind, restricted[here], reports[here], level, self.rules)
        return found

    def _lately_heard(self, at: int, least: int) -> Bits:
        """Streams x servers: who was heard of in the window; none of a stream where that are fewer than `least`."""
        import numpy as np

        first = max(0, at + 1 - self.rules.window_days)
        heard = self.panel.server_reports[:, first : at + 1].sum(axis=(1, 3)) > 0
        return np.asarray(heard & (heard.sum(axis=1) >= least)[:, None])

    def _confirming(self, at: int, evidence: Floats) -> Floats:
        """Several days of two servers, or of the only one that was heard of."""
        import numpy as np

        if not self.rules.strict:
            return agreeing_evidence(evidence, np.asarray(self.panel.heard[:, : at + 1].any(axis=1)))
        return self._of_servers(at, 2, 1)

    def _resistant(self, at: int) -> Floats:
        """Several days of three servers; where nobody lies, of three sources."""
        return self._of_servers(at, 3, 3) if self.rules.strict else some_of(self._wary.since()[..., TRUSTED], 3)

    def _of_servers(self, at: int, needed: int, least: int) -> Floats:
        """Whatever `needed` - 1 servers say, and whatever the share `liars` of all that servers vouch for does."""
        found = some_of(self._witnesses.since_without_best(), needed, self._lately_heard(at, least))
        wary = all_of(self._wary.since()[..., : len(VOUCHED)]).sum(axis=1)
        found[wary < self.rules.minority_years * DAYS_A_YEAR] = 0.0
        return found

    def _reached(self, stream: int, at: int, passed: Bits, usual: Normal) -> None:
        import numpy as np

        if stream not in self._open:
            before = Normal(usual.level[stream].copy(), usual.known[stream].copy())
            none = np.zeros(len(SOURCES), bool)
            episode = Episode(stream=stream, onset=ChangePoint(at, at), tells=none, doubted=none.copy(), usual=before)
            self._open[stream] = episode
            self._closing.pop(stream, None)
            self.episodes.append(episode)
        highest = max(level for level, yes in enumerate(passed, SIGNAL) if yes)
        if highest >= CONFIRMED > self._open[stream].onset.level or not self._open[stream].onset.reached:
            self._forget_ends(np.array([stream]))  # what spoke for an end before spoke of something else
        for level in range(SIGNAL, highest + 1):
            self._open[stream].onset.reached.setdefault(level, at)

    def _date(self, episode: Episode, at: int, weights: dict[int, Floats], stream: int, evidence: Floats) -> None:
        """Since when? Told again for some days after the event was found, or confirmed; then it stands."""
        import numpy as np

        level = min(episode.onset.level, CONFIRMED)
        known = episode.onset.reached[level]
        if self.panel.dates[at] - self.panel.dates[known] > FORTNIGHT:
            return
        days = self._plain.days
        here = np.where((days >= 0) & (days <= known), weights[level][stream], 0.0)
        if here.sum() < self.rules.threshold_days[level - SIGNAL]:
            return  # what came since speaks of an end, not of the beginning
        low, high = credible_days(here, days)
        if at - episode.onset.reached[SIGNAL] < len(days) or low > days[days >= 0].min():
            episode.onset.low, episode.onset.high = low, high
        said = evidence[stream, int(np.argmax(here))]
        episode.tells |= said > 1
        floods = self.rules.strict  # in a folder nobody does
        episode.doubted |= said >= self.rules.doubt if floods else said > 1

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _endings(self, at: int, usual: Normal) -> None:
        """Evidence that open events are over; of those that are, whether it can be told against liars as well."""
        import numpy as np

        episodes = [*self._open.values(), *self._closing.values()]
        episodes = [episode for episode in episodes if at > episode.onset.reached[SIGNAL]]
        if not episodes:
            return
        rows = np.array([episode.stream for episode in episodes])
        hit = np.stack([self._hit(episode, at, usual) for episode in episodes])
        telling = np.stack([self._telling(episode, at) for episode in episodes])
        self._ends.add_to(rows, at, self._ended(rows, at, usual, hit, 0))
        evidence = self._ends.since(rows)
        weights = {SIGNAL: all_of(np.where(telling[:, None], evidence, 1.0))}
        if self.rules.strict:
            self._witness_ends.add_to(rows, at, self._servers_ended(rows, at, usual, hit, telling))
            vouched = self._witness_ends.since_without_best(rows)
            for level, needed, least in ((CONFIRMED, 2, 1), (RESISTANT, 3, 3)):
                weights[level] = some_of(vouched, needed, self._lately_heard(at, least)[rows])
        else:
            self._wary_ends.add_to(rows, at, self._ended(rows, at, usual, hit, self.rules.toll))
            wary = np.where(telling[:, None], self._wary_ends.since(rows), 1.0)[..., TRUSTED]
            weights |= {CONFIRMED: agreeing_evidence(evidence, telling), RESISTANT: some_of(wary, 3)}
        for index, episode in enumerate(episodes):
            self._over(episode, at, {level: found[index] for level, found in weights.items()})

    def _ended(self, rows: Integers, at: int, usual: Normal, hit: Floats, toll: int) -> Floats:
        import numpy as np

        panel = self.panel
        found = np.ones((len(rows), len(SOURCES), 1))
        for source in range(len(SOURCES)):
            here = np.flatnonzero(panel.heard[rows, at, source] & usual.known[rows, source])
            restricted, reports = panel.restricted[rows[here], at, source], panel.reports[rows[here], at, source]
            if source != TAP and toll:
                reports = (reports - toll).clip(0)
                restricted = np.minimum(restricted, reports)
            if len(here):
                level = usual.level[rows[here], source]
                found[here, source] = ended_e_values(source, restricted, reports, hit[here, source], level, self.rules)
        return found

    def _servers_ended(self, rows: Integers, at: int, usual: Normal, hit: Floats, telling: Bits) -> Floats:
        """The same of what each listed server vouches for, by the kinds of reports that tell the event."""
        import numpy as np

        found = np.ones((len(rows), self.panel.server_reports.shape[2], 1))
        for kind in range(len(VOUCHED)):
            reports = self.panel.server_reports[rows, at, :, kind]
            restricted = self.panel.server_restricted[rows, at, :, kind]
            here = np.nonzero((reports > 0) & (usual.known[rows, kind] & telling[:, kind])[:, None])
            if len(here[0]):
                level = usual.level[rows[here[0]], kind]
                found[here] *= ended_e_values(
                    kind, restricted[here], reports[here], hit[here[0], kind], level, self.rules
                )
        return found

    def _hit(self, episode: Episode, at: int, usual: Normal) -> Floats:
        """What each source says at least while the event lasts, by the days that surely are part of it."""
        import numpy as np

        panel, stream = self.panel, episode.stream
        old = np.searchsorted(panel.dates, panel.dates[at] - FORTNIGHT, side="right")
        known = episode.onset.reached[min(episode.onset.level, CONFIRMED)]
        part = slice(episode.onset.high, max(int(old), known + 1))
        days = panel.heard[stream, part].sum(axis=0).astype(float)
        restricted = panel.restricted[stream, part].sum(axis=0).astype(float)
        reports = panel.reports[stream, part].sum(axis=0).astype(float)
        level = bounded_share(restricted, reports, days, JEFFREYS_RATE, self.rules.today, LOWER)
        mean = (restricted[TAP] + 0.5) / max(days[TAP], 1)
        level[TAP] = mean + LOWER * np.sqrt((mean + mean**2 / self.rules.tap_shape) / max(days[TAP], 1))
        least = [
            lifted_share(source, float(usual.level[stream, source]), self.rules.alternatives[0], self.rules)
            for source in range(len(SOURCES))
        ]
        return np.maximum(level, least)

    def _telling(self, episode: Episode, at: int) -> Bits:
        """The sources that show the event, as far as they were heard of lately."""
        import numpy as np

        recent = np.searchsorted(self.panel.dates, self.panel.dates[at] - FORTNIGHT)
        alive = episode.tells & self.panel.heard[episode.stream, recent : at + 1].any(axis=0)
        return alive if alive.any() else episode.tells

    def _over(self, episode: Episode, at: int, weights: dict[int, Floats]) -> None:
        days = self.rules.threshold_days
        passed = [level for level in weights if weights[level].sum() >= days[level - SIGNAL]]
        turn = episode.over or episode.fading or ChangePoint(at, at)
        for level in range(SIGNAL, max(passed, default=0) + 1):
            turn.reached.setdefault(level, at)
        if episode.over is None:
            episode.fading = turn if passed else None
            if not passed:
                return
            turn.low, turn.high = credible_days(weights[max(passed)], self._ends.days)
            if turn.level >= min(episode.onset.level, CONFIRMED):
                self._close(episode, turn)
        elif turn.level >= episode.onset.level or at - min(turn.reached.values()) > self.rules.window_days:
            self._closing.pop(episode.stream, None)

    def _close(self, episode: Episode, turn: ChangePoint) -> None:
        import numpy as np

        episode.over, episode.fading = turn, None
        del self._open[episode.stream]
        if turn.level < episode.onset.level:
            self._closing[episode.stream] = episode
        self._in_event[episode.stream, turn.high :] = False
        row = np.array([episode.stream])
        for ring in (self._plain, self._witnesses, self._wary):
            ring.forget(row)

    def _forget_ends(self, rows: Integers) -> None:
        for ring in (self._ends, self._witness_ends, self._wary_ends):
            ring.forget(rows)
