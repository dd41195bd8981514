"""Simulates networks, looks for events in them, and writes docs/event-rates.md: how often it is wrong, and how late.

    .venv/bin/python -m proof.pages.write_event_rates [--networks 300]

Minutes on one core. The page is never edited by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import exp, lgamma, log
from pathlib import Path

import numpy as np

from proof.pages.networks_in_numbers import MISTAKEN, NOTICED, DetectorRun, SimulatedNetworks, play_networks
from talkpath.observatory.detect.assumptions import CONFIRMED, OBSERVATORY_ASSUMPTIONS, RESISTANT, SIGNAL, SOURCES
from talkpath.observatory.judging.judgement import MAX_LATE, MAX_VOUCHED_LATE

EVENT_RATES_PAGE = Path(__file__).parents[2] / "docs" / "event-rates.md"
LEVELS = {SIGNAL: "signal", CONFIRMED: "confirmed", RESISTANT: "attack-resistant"}
CHUNK = 20  # networks at once: memory
HIT = SimulatedNetworks(0, days=160, streams=8, hit=0.6, begin=90, end=130)
QUIET = SimulatedNetworks(0)
UNSIGNED = (0, 0, 1, 1, 20, 30)
PAST_DAYS = 57  # that one hand dates reports over
COUNTED_DAYS = MAX_LATE.days + 1  # of them: what nobody vouches for counts on the day of receipt
VOUCHED_DAYS = MAX_VOUCHED_LATE.days + 1  # of them, where a listed server's receipts tell the days
STREAMS_A_COUNTRY = 200  # 25 networks with eight apps and media each


@dataclass(frozen=True)
class Case:
    """A row of the page. `size`: networks in the full page, as a share of --networks."""

    says: str
    world: SimulatedNetworks
    size: float = 0.2


def event_cases() -> list[Case]:
    """All rows, in order."""
    attacked = replace(QUIET, days=200, streams=8, flood_from=90)
    found = [
        Case("nothing, for a year", QUIET, 1.0),
        Case("nothing; 3 of 10 reports lie, since ever", replace(QUIET, liars=0.3)),
        Case("nothing; 3 of 10 reports lie, all from day 90 on",
             replace(attacked, liars=0.3, liars_from=90)),
    ]  # fmt: skip
    for source in ("unlisted", "capture", "endpoints", "tap"):
        found.append(Case(f"nothing; from day 90 on 60 false reports a day of source {source}",
                          replace(attacked, flood={source: 60})))  # fmt: skip
    everything = dict.fromkeys(("unlisted", "capture", "endpoints", "tap"), 600)
    vouched, evening = replace(attacked, flood={"probe": 64}), replace(attacked, flood={"probe": 600}, flood_days=1)
    found += [
        Case("nothing; five people send 600 of each of these a day", replace(attacked, flood=everything)),
        Case("nothing; one of two listed servers and an operator make up 64 checks a day", vouched),
        Case("nothing; likewise one of three", replace(vouched, servers=3)),
        Case("nothing; likewise the only listed server: not promised", replace(vouched, servers=1)),
        Case("nothing; the only listed server makes up 600 checks on one day", replace(evening, servers=1)),
        Case("nothing; one hand with 64 addresses of the network checks with both servers, on one day",
             replace(vouched, lying_servers=2, flood_days=1)),
        Case("nothing; likewise each day: not promised", replace(vouched, lying_servers=2)),
    ]  # fmt: skip
    found += [Case(f"a restriction that hits {100 * hit:.0f} %", replace(HIT, hit=hit)) for hit in (0.3, 0.6, 1.0)]
    all_hit, few = replace(HIT, hit=1.0), (2, 3, 1, 1, 2, 30)
    found += [
        Case("100 %, one listed server", replace(all_hit, servers=1)),
        Case("100 %, three listed servers", replace(all_hit, servers=3)),
        Case("60 %, three listed servers", replace(HIT, servers=3)),
        Case("100 %, 2 probes and 3 browsers a day", replace(all_hit, volumes=few)),
        Case("100 %, no listed server: 20 checks a day that nobody vouches for", replace(all_hit, volumes=UNSIGNED)),
        Case("100 %; 3 of 10 reports lie, since ever", replace(all_hit, liars=0.3)),
        Case("100 %; 60 false reports a day of each source that nobody vouches for, since ever",
             replace(all_hit, flood=dict.fromkeys(everything, 60))),
        Case("100 %; they deny 60 times a day each",
             replace(all_hit, flood=dict.fromkeys(everything, 60), flood_from=80, deny=True)),
        Case("100 %; one of two listed servers denies 6 times a day",
             replace(all_hit, flood={"probe": 6}, flood_from=80, deny=True)),
        Case("100 %; one of three listed servers denies 6 times a day",
             replace(all_hit, flood={"probe": 6}, flood_from=80, deny=True, servers=3)),
        Case("100 %; one of three listed servers accuses 60 times a day, since ever",
             replace(all_hit, flood={"probe": 60}, servers=3)),
    ]  # fmt: skip
    return found + _dated_cases(attacked, all_hit)


def _dated_cases(attacked: SimulatedNetworks, all_hit: SimulatedNetworks) -> list[Case]:
    """Reports that are dated back, and those of a time when no server was listed. (New rows come last: the seeds follow
    the order.)"""
    past = replace(attacked, flood_from=90 - PAST_DAYS, flood_days=PAST_DAYS)
    month = replace(past, flood={"probe": 10}, flood_from=90 - VOUCHED_DAYS, flood_days=VOUCHED_DAYS)
    unvouched = ("unlisted", "capture", "endpoints", "tap")
    return [
        Case("nothing; five people send 570 of each kind that nobody vouches for in one evening, dated over 57 days",
             replace(attacked, flood=dict.fromkeys(unvouched, 10 * COUNTED_DAYS), flood_days=1)),
        Case("nothing; likewise if their dates were believed", replace(past, flood=dict.fromkeys(unvouched, 10))),
        Case("nothing; one of two listed servers and an operator make up 570 checks likewise", month),
        Case("nothing; the only listed server does: not promised", replace(month, servers=1)),
        Case("100 %, no listed server until its day 10: before, nobody vouches for any check",
             replace(all_hit, listed_from=all_hit.begin + 10)),
    ]  # fmt: skip


@dataclass
class Row:
    """The result of a case."""

    case: Case
    years: float
    false: dict[int, int]
    begin: dict[int, list[float]]
    end: dict[int, list[float]]
    early: int


def measure_case(case: Case, networks: int, seed: int) -> Row:
    """Simulate a case, some networks at a time."""
    row = Row(
        case=case,
        years=0.0,
        false=dict.fromkeys(LEVELS, 0),
        begin={level: [] for level in LEVELS},
        end={level: [] for level in LEVELS},
        early=0,
    )
    for at in range(0, networks, CHUNK):
        world = replace(case.world, networks=min(CHUNK, networks - at))
        _add_run(row, play_networks(world, OBSERVATORY_ASSUMPTIONS, seed + at))
    return row


def _add_run(row: Row, played: DetectorRun) -> None:
    world = played.world
    row.years += world.networks * world.days / 365
    for level in LEVELS:
        row.false[level] += played.false(level)
        if world.hit:
            row.begin[level] += played.delays(level)
            row.end[level] += played.end_delays(level)
    row.early += played.early_ends(CONFIRMED)


def event_rates_page(rows: Sequence[Row], networks: int) -> str:
    """The text of the page."""
    quiet = [row for row in rows if not row.case.world.hit]
    hit = [row for row in rows if row.case.world.hit]
    return (
        "\n".join(
            [
                *_page_head(rows, networks),
                *map(_quiet_line, quiet),
                *_page_middle(),
                *map(_hit_line, hit),
                *_page_foot(),
            ]
        )
        + "\n"
    )


def _page_head(rows: Sequence[Row], networks: int) -> Iterator[str]:
    years = sum(row.years * row.case.world.streams for row in rows)
    yield "# How often events are wrong, and how late"
    yield ""
    yield "<!-- written by proof/pages/write_event_rates.py: change the code, then run `make event-rates` -->"
    yield ""
    yield "    make event-rates"
    yield ""
    yield (f"SIMULATED day counts, {years:,.0f} years of one app and medium on one network in all, drawn with fixed "
           f"seeds. {networks} networks a year in the first row.")  # fmt: skip
    yield "Every network has 16 or 8 apps and media; where one is hit or attacked, the others are not, and count too."
    yield ""
    yield "| source | reports a day | accuse by mistake | of those hit notice |"
    yield "|---|---|---|---|"
    for at, source in enumerate(SOURCES):
        count = f"{QUIET.volumes[at]}" if source != "tap" else f"{QUIET.volumes[at]} people try a call"
        yield f"| {source} | {count} | {100 * MISTAKEN[at]:.1f} % | {100 * NOTICED[at]:.0f} % |"
    yield ""
    yield (f"Reports of one day depend on each other (beta-binomial, rho {QUIET.rho}); on {100 * QUIET.outage:.0f} of "
           "100 days an outage lifts what browsers and taps say about all apps of a network.")  # fmt: skip
    yield ""
    yield "## Nothing is restricted"
    yield ""
    promised = OBSERVATORY_ASSUMPTIONS
    yield ("Events found all the same. In brackets the upper 95 % bound, a year of one app and medium on one network, "
           f"attacked or not; promised are {1 / promised.signal_years:g}, {1 / promised.confirmed_years:.2g} and "
           f"{1 / promised.resistant_years:g} at most; where 3 of 10 reports begin to lie, "
           f"{1 / promised.minority_years:g} confirmed. Liars may make signals: these say so. "
           f"The last column: false confirmed events a year in a country of {STREAMS_A_COUNTRY} networks x apps x "
           "media of which all are attacked so; the days before an attack count, too. The promises follow from the "
           "method. Where nothing was found in so few years, the bound in brackets may still be above "
           "them.")  # fmt: skip
    yield ""
    yield ("Promised although these lie: whoever sends what no listed test server vouches for, however much and of "
           "however many kinds; one of several listed servers, or all of one operator's beside another's, with whoever "
           "helps it; whoever lies on one day alone; "
           f"and, with {1 / promised.minority_years:g}, 3 of 10 of those that listed servers vouch for. Not promised "
           "where the only listed server that a network is measured with lies, nor where somebody runs checks from "
           "many address blocks of that network, with several listed servers, day after day: those are as many people "
           "as they have blocks. The latter takes days, and five blocks at least; the former one evening, as such a "
           f"server's receipts tell days of up to {MAX_VOUCHED_LATE.days} before.")  # fmt: skip
    yield ""
    yield "| | network-years x streams | signal | confirmed | attack-resistant | country-year |"
    yield "|---|---|---|---|---|---|"


def _quiet_line(row: Row) -> str:
    streams = row.years * row.case.world.streams
    told = [f"{row.false[level]} ({_upper_rate_bound(row.false[level], streams):.2g})" for level in LEVELS]
    attacked = streams if not row.case.world.flood else row.years  # of the others each is one of eight
    a_country = f"{row.false[CONFIRMED] / attacked * STREAMS_A_COUNTRY:.2g}"
    return f"| {row.case.says} | {row.years:.0f} x {row.case.world.streams} | {' | '.join(told)} | {a_country} |"


def _upper_rate_bound(found: int, years: float) -> float:
    """The upper 95 % bound of a rate: where so few would be seen in one of 20 (Poisson)."""
    low, high = 0.0, 10.0 * found + 10
    for _ in range(60):
        middle = (low + high) / 2
        seen = sum(exp(count * log(middle) - middle - lgamma(count + 1)) for count in range(found + 1))
        low, high = (middle, high) if seen > 0.05 else (low, middle)
    return high / years


def _page_middle() -> Iterator[str]:
    yield ""
    yield "## Something is restricted"
    yield ""
    yield (f"From day {HIT.begin} to {HIT.end}. Days of data from the first restricted day on until each level was "
           "reached: median, 90th percentile over networks; likewise from the first free day on. A dash: not within "
           f"these {HIT.end - HIT.begin} and {HIT.days - HIT.end} days; or, of a signal, that liars had made one "
           "before. Hidden: networks on which nothing was confirmed at all.")  # fmt: skip
    yield ""
    yield ("What honesty costs: while reports counted whoever vouches for them, one that hits 30, 60 or 100 % "
           "was confirmed after 8, 3 and 2 days (median). One that hits 30 % is a first sign for ever now, as three "
           "liars of ten look alike; so is whatever only reports tell that nobody vouches for, for ever. Where the "
           "first two servers are listed on its tenth day, one that hits 100 % is confirmed on the 19th, 17 days "
           "later. "
           "In these rows one that hits 60 % takes up to three weeks and is hidden on up to one network of ten; one "
           "that hits 100 % takes a week at most and is not hidden, unless a listed server denies it as often as all "
           "probes check: then it takes four weeks, and is hidden on up to one network of four. A signal takes three "
           "days at most, its end four, the end of what was confirmed a week (all medians). Attack-resistant needs "
           "three listed servers, and so does its end: one that goes on accusing holds it back.")  # fmt: skip
    yield ""
    columns = ["", "networks", *LEVELS.values(), *(f"end: {name}" for name in LEVELS.values()), "hidden",
               "ended too early", "false confirmed"]  # fmt: skip
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)


def _hit_line(row: Row) -> str:
    told = [_delay_words(row.begin[level]) for level in LEVELS] + [_delay_words(row.end[level]) for level in LEVELS]
    hidden = sum(np.isinf(row.begin[CONFIRMED]))
    cells = [row.case.says, str(len(row.begin[SIGNAL])), *told, str(hidden), str(row.early), str(row.false[CONFIRMED])]
    return f"| {' | '.join(cells)} |"


def _delay_words(delays: Sequence[float]) -> str:
    middle, late = np.quantile(delays, [0.5, 0.9], method="higher")
    return ", ".join("–" if np.isinf(value) else f"{value:.0f}" for value in (middle, late))


def _page_foot() -> Iterator[str]:
    yield ""
    yield "What this does not show: whether real reports are as these draws. The sources' shares are assumptions of the"
    yield "detector too; where a network is worse than them it learns so from its clean days, and the promise of the"
    yield "thresholds holds whatever the restriction is like. Why it is built so: [why](why/2026-11-24-events.md)."


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Write docs/event-rates.md.")
    parser.add_argument("--networks", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=1)
    networks = parser.parse_args().networks
    jobs = parser.parse_args().jobs
    sizes = [max(int(networks * case.size), 2) for case in event_cases()]
    seeds = [1000 * (at + 1) for at in range(len(sizes))]
    rows: list[Row] = []
    with ProcessPoolExecutor(jobs) as pool:
        for row in pool.map(measure_case, event_cases(), sizes, seeds):
            rows.append(row)
            sys.stderr.write(f"{row.case.says}: {row.years:.0f} network-years\n")
    EVENT_RATES_PAGE.write_text(event_rates_page(rows, networks), encoding="utf-8")
    sys.stderr.write(f"wrote docs/{EVENT_RATES_PAGE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
