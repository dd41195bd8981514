"""A made-up network and browser, without either: what both ends would have counted, for thousands of checks a minute.

What the network does is tied to the 5-tuple and to the time, never to what a flow is: bad paths, dead ports, queues
that favour who came first, spells of loss that hit all, paths that take longer. What a flow is does show in how it is
measured: a call's handshake takes more messages and begins late, its packets have random sequence numbers and take a
little longer through the browser, twins are sent by a timer that runs late, the canary withholds. That is the null of
docs/why/2026-11-24-browser.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.browser.far_end.counts_to_facts.epoch_facts import epoch_from_counts
from talkpath.browser.far_end.counts_to_facts.epoch_report import (
    EpochTimes,
    FarFlowReport,
    PageEpochReport,
    PageFlowReport,
    Poll,
    whole_check,
)
from talkpath.browser.far_end.schedule import SETUP_S, EpochRequest, FlowSchedule, check_plan, requested_schedule
from talkpath.browser.webrtc.call_media import TICK_MS
from talkpath.measure.facts import Epoch, Facts, Health
from talkpath.verdict.statistics.strength import arm_strength
from talkpath.wire.control.question import BASELINE

Floats = NDArray[np.float64]
TICK_S = TICK_MS / 1000
FLIGHTS = {"call": 6, "random": 4, "text": 4}  # messages that must all get through before a flow is up
FIRST_TRY_S = 0.2
OWN_S, STAMP = 0.015, 960  # what the browser adds to a call's packets; RTP units of a tick


@dataclass(frozen=True)
class Weather:
    """Loss per flow and slot, (flows, slots) in [0, 1], each way; `delay_s` one way, `later_s` (flows,) more."""

    up: Floats
    down: Floats
    delay_s: float = 0.03
    later_s: Floats | None = None

    def takes_s(self, flow: int) -> float:
        """One way of that flow."""
        return self.delay_s + (float(self.later_s[flow]) if self.later_s is not None else 0.0)


Background = Callable[[np.random.Generator, Floats, int], Weather]
"""(dice, the phase of each flow in ms, slots) -> the weather of an epoch."""


def lossless(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """Nothing is lost."""
    flows = len(phases_ms)
    return Weather(np.zeros((flows, slots)), np.zeros((flows, slots)))


def even_loss(loss: float) -> Background:
    """All flows lose alike."""
    return lambda dice, phases_ms, slots: Weather(*(np.full((len(phases_ms), slots), loss) for _ in range(2)))


def uneven_paths(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """Equal-cost paths, of which one loses a third."""
    flows = len(phases_ms)
    bad = dice.random(flows) < 0.5
    loss = np.repeat(np.where(bad, 0.35, 0.01)[:, None], slots, axis=1)
    return Weather(loss, loss)


def uneven_delays(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """Four equal-cost paths, each 60 ms longer than the one before, and queues that stand differently."""
    flows = len(phases_ms)
    later_s = 0.06 * dice.integers(0, 4, flows) + dice.exponential(0.01, flows)
    return Weather(*(np.full((flows, slots), 0.01) for _ in range(2)), later_s=later_s)


def forgotten_mappings(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """A translator forgets one flow in four at some moment."""
    flows = len(phases_ms)
    ends = np.where(dice.random(flows) < 0.25, dice.integers(0, slots, flows), slots)
    loss = (np.arange(slots) >= ends[:, None]).astype(float)
    return Weather(loss, loss)


def late_comers(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """A table of connections is full: the later a flow was opened, the more it loses."""
    flows = len(phases_ms)
    loss = np.repeat(np.linspace(0.0, 0.6, flows)[:, None], slots, axis=1)
    return Weather(loss, loss)


def radio_outages(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """Radio: spells of some 100 ms in which most of everything is lost."""
    flows = len(phases_ms)
    bad, state = np.zeros(slots), False
    for slot in range(slots):
        state = dice.random() < (0.8 if state else 0.04)
        bad[slot] = 0.85 if state else 0.005
    loss = np.repeat(bad[None], flows, axis=0)
    return Weather(loss, loss)


def short_bursts(dice: np.random.Generator, phases_ms: Floats, slots: int) -> Weather:
    """Spells of some 8 ms, shorter than a tick: what a flow meets depends on when within a tick it speaks."""
    turns = dice.random((slots + 1) * TICK_MS) < 0.125
    bad = np.logical_xor.accumulate(turns)
    rows = (np.arange(slots) * TICK_MS + phases_ms[:, None]).astype(int)
    return Weather(0.7 * bad[rows], 0.7 * bad[rows])


BACKGROUNDS: dict[str, Background] = {
    "clean": lossless,
    "2 %": even_loss(0.02),
    "20 %": even_loss(0.2),
    "45 %": even_loss(0.45),
    "paths": uneven_paths,
    "slow paths": uneven_delays,
    "dead ports": forgotten_mappings,
    "late comers": late_comers,
    "spells": radio_outages,
    "short bursts": short_bursts,
}


def browser_check(
    background: Background,
    number: int,
    epochs: int = 3,
    drop_up: float = 0.0,
    in_step: bool = False,
    watched: Sequence[EpochRequest] = (),
) -> Facts:
    """A whole check's facts. `drop_up`: share of calls' packets that something drops on the way up, besides;
    `in_step`: all calls speak at one instant and all twins at another, as they would if no phases were drawn. `watched`
    are further epochs."""
    seed = number.to_bytes(32, "big")
    dice = np.random.default_rng(number)
    requests = [*[EpochRequest(medium="voice")] * epochs, *watched]
    made = [
        _played_epoch(background, dice, seed, each, request, drop_up, in_step) for each, request in enumerate(requests)
    ]
    return Facts(plan=check_plan(), health=Health(vpn=False), epochs=whole_check(made), seed=seed)


def _played_epoch(
    background: Background,
    dice: np.random.Generator,
    seed: bytes,
    number: int,
    request: EpochRequest,
    drop_up: float,
    in_step: bool,
) -> Epoch:
    order = requested_schedule(seed, number, request)
    own = [10.0 * (opening.kind != "call") if in_step else opening.phase_ms for opening in order.flows]
    weather = background(dice, np.array(own), order.medium.slots)
    both = [_played_flow(opening, weather, dice, drop_up, order.medium.slots) for opening in order.flows]
    near = [report if order.question == BASELINE else replace(report, left_ms=(), came=()) for report, _ in both]
    return epoch_from_counts(
        order,
        PageEpochReport(number, tuple(near)),
        {far.flow: far for _, far in both},
        EpochTimes(9.0 * number, 9.0 * number + 8, 9.0 * number + 8),
        seed,
        4434,
    )


def _played_flow(
    opening: FlowSchedule, weather: Weather, dice: np.random.Generator, drop_up: float, slots: int
) -> tuple[PageFlowReport, FarFlowReport]:
    flow, call = opening.flow, opening.kind == "call"
    up_loss = 1 - (1 - weather.up[flow]) * (1 - drop_up * call)
    setup_s = _setup_s(FLIGHTS[opening.kind], 1 - (1 - weather.up[flow][0]) * (1 - weather.down[flow][0]), dice)
    if setup_s is None:
        return PageFlowReport(flow), FarFlowReport(flow, requests=int(call))
    first = _first_media_packet(dice) if call else 0
    said = np.setdiff1d(np.arange(first, slots), opening.withheld)
    came = said[dice.random(len(said)) >= up_loss[said]]
    heard = said[dice.random(len(said)) >= weather.down[flow][said]]
    takes_s, own_s = weather.takes_s(flow), OWN_S * call
    polls, wrote = _polled_counts(said, heard, takes_s, slots), () if call else tuple(said.tolist())
    left_ms = tuple((said * float(TICK_MS)).tolist())
    back = zip(
        (heard * (STAMP if call else 1)).tolist(), (1000 * (heard * TICK_S + takes_s + own_s)).tolist(), strict=True
    )
    near = PageFlowReport(
        flow, 1000 * setup_s, 1000 * setup_s, float(first * TICK_MS), polls, wrote, left_ms, tuple(back)
    )
    at_s = 100 + came * TICK_S + takes_s + (own_s if call else float(dice.exponential(0.003)))
    numbers = (came + int(dice.integers(0, 65536))) % 65536 if call else came
    missing = int(came[-1] - came[0] + 1 - len(came)) if len(came) else 0
    arrivals = tuple(zip(numbers.tolist(), at_s.tolist(), strict=True))
    return near, FarFlowReport(
        flow, arrivals, tuple(said.tolist()), 1, 1, len(came), missing, stamp=0 if call else None
    )


def _first_media_packet(dice: np.random.Generator) -> int:
    """A call's voice starts some packets after its twins', now and then much later."""
    return int(dice.integers(1, 4)) if dice.random() < 0.9 else int(dice.integers(4, 100))


def _polled_counts(sent: NDArray[np.int64], heard: NDArray[np.int64], delay_s: float, slots: int) -> tuple[Poll, ...]:
    at_ms = np.arange(250, slots * TICK_MS + 751, 250)
    left = np.searchsorted(sent * TICK_MS, at_ms, "right")
    came = np.searchsorted(heard * TICK_MS + 1000 * delay_s, at_ms, "right")
    return tuple(Poll(float(at), int(out), int(back)) for at, out, back in zip(at_ms, left, came, strict=True))


def _setup_s(flights: int, loss: float, dice: np.random.Generator) -> float | None:
    """Each message is tried again after 0.2, 0.4, 0.8 … s until it is through; None past the patience."""
    total = 0.0
    for _ in range(flights):
        wait_s = FIRST_TRY_S
        while dice.random() < loss:
            total, wait_s = total + wait_s, 2 * wait_s
            if total > SETUP_S:
                return None
    return total


def main() -> None:
    """python FILE CHECKS: how strong the evidence gets where nothing is restricted."""
    for name, background in BACKGROUNDS.items():
        logs = np.array(
            [
                arm_strength(browser_check(background, number).epochs, log(1e4)).peak_log_e
                for number in range(int(sys.argv[1]))
            ]
        )
        shares = (logs >= log(20)).mean(), (logs >= log(1000)).mean(), (logs >= log(1e4)).mean()
        row = [f"{share:.4f}" for share in shares]
        sys.stdout.write(f"{name:12} {' '.join(row)} largest 10^{logs.max() / log(10):.2f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
