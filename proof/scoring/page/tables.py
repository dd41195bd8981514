"""Makes the tables of docs/error-rates.md, from rows alone. Every proportion has its n and an exact 95 % interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from proof.intervals import Spread, proportion_of
from proof.scoring import driver_agreement
from proof.scoring.metrics import goals, rates, speed
from proof.scoring.metrics.barely_touched import barely_touched_arms
from proof.scoring.metrics.goals import seconds_words, share_words
from proof.scoring.row import CheckRow
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.apps.recorded.app_call import AppCall
from talkpath.experiment.plan import choose_arms
from talkpath.verdict.model import FINDING_STATES
from talkpath.verdict.statistics.proportion import Proportion

RowKey = Callable[[CheckRow], str]
STATES = ("ok", "insufficient", "impaired", "closed", "unreachable", "restricted")
DETECTION = (
    "",
    "n",
    "right state",
    "right rule, of these",
    "direction, of these",
    "intervals that hold",
    "`media.unknown`",
    "restricted: known after, s: median, 90 %",
    "s: median, 90 %",
    "MB: median, 90 %",
)
EFFECT_RANGES: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {
    ("media.drop", "p"): ((0.02, 0.04), (0.04, 0.1), (0.1, 0.3), (0.3, 1.0)),
    ("media.delay", "ms"): ((60, 120), (120, 250), (250, 501)),
    ("media.freeze", "after_packets"): ((15, 50), (50, 100), (100, 1000)),
}


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Returns a Markdown table."""
    return [_table_line(heads), "|---" * len(heads) + "|", *map(_table_line, lines)]


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def goals_table(found: Sequence[goals.Goal]) -> list[str]:
    """Returns the table of goals."""
    words = {"held": "held", "open": "open: the interval does not decide", "missed": "**missed**"}
    lines = [(goal.name, goal.wanted, goal.found, goal.n, words[goal.standing]) for goal in found]
    return markdown_table(("what", "goal", "measured", "n", ""), lines)


def arm_count_words(row: CheckRow) -> str:
    """Describes the number of arms of a check in words."""
    return (
        "one arm" if len(row.arms) == 1 else "default battery" if len(row.arms) == len(choose_arms()) else "some apps"
    )


def null_table(rows: Sequence[CheckRow], key: RowKey) -> list[str]:
    """Tabulates verdicts where nothing is restricted, and false accusations by arm and by check."""
    heads = (
        "",
        "checks",
        "arms",
        *STATES,
        "false `restricted`",
        "false `closed`",
        "checks with anything false",
        "s: median, 90 %",
        "MB: median, 90 %",
    )
    groups = rates.rows_by_key(rows, key)
    return markdown_table(heads, [_null_line(name, some) for name, some in [*groups.items(), ("all", list(rows))]])


def _null_line(name: str, rows: Sequence[CheckRow]) -> list[str]:
    states = Counter(state for row in rows for state in row.arms.values())
    said, arms = rates.unfounded_counts(rows), states.total()
    shares = [f"{states[state] / arms:.3f}" if states[state] else "0" for state in STATES]
    false = _few_words(said.restricted), _few_words(said.closed), _few_words(said.checks)
    return [
        name,
        f"{len(rows)}",
        f"{arms}",
        *shares,
        *false,
        _two_words(_seconds_words(rows)),
        _two_words(_megabytes_words(rows), 2),
    ]


def _few_words(found: Proportion) -> str:
    return f"{found.count} (≤ {found.high:.5f})" if found.total else "–"


def null_by_app(rows: Sequence[CheckRow]) -> list[str]:
    """Tabulates false accusations by app, variant and medium, and by how calls are made, over all arms on which nothing
    acts."""
    clear = Counter(arm for row in rows for arm in rates.untouched_arms(row))
    false = Counter(arm for row in rows for arm, _ in rates.false_accusations(row) if arm in rates.untouched_arms(row))
    lines = [(a, f"{n}", _few_words(Proportion(false[a], n))) for a, n in sorted(clear.items())]
    for made in sorted(set(map(made_words, clear))):
        arms = [arm for arm in clear if made_words(arm) == made]
        some = Proportion(sum(false[arm] for arm in arms), sum(clear[arm] for arm in arms))
        lines.append((f"all {made}", f"{some.total}", _few_words(some)))
    return markdown_table(("arm", "n", "said of it falsely"), lines)


def made_words(arm: str) -> str:
    """Say how an arm's calls are made: as a shape file has them, or by code that imitates them."""
    return "from shape files" if isinstance(shapes()[Arm.parse(arm)], AppCall) else "by code"


def detection_table(rows: Sequence[CheckRow], key: RowKey) -> list[str]:
    """Tabulates verdicts where something is restricted."""
    hit = rates.hit_rows(rows)
    groups = [*rates.rows_by_key(hit, key).items(), ("all", hit)]
    return markdown_table(DETECTION, [_detection_line(name, some) for name, some in groups])


def _detection_line(name: str, rows: Sequence[CheckRow]) -> list[str]:
    right = [row for row in rows if rates.is_found(row)]
    named = [row for row in right if rates.is_named(row)]
    calls = [row for row in rows if any(real.state == "restricted" for real in row.about.real)]
    return [
        name,
        f"{len(rows)}",
        share_words(proportion_of(map(rates.is_found, rows))),
        share_words(proportion_of(map(rates.is_named, right))),
        share_words(proportion_of(map(rates.fully_right, named))),
        share_words(goals.interval_coverage(rows)),
        f"{sum('unknown' in row.about.wrong for row in rows)}",
        _two_words(Spread(tuple(map(speed.known_s, calls)))) if calls else "–",
        _two_words(_seconds_words(rows)),
        _two_words(_megabytes_words(rows), 2),
    ]


def late_table(rows: Sequence[CheckRow]) -> list[str]:
    """Tabulates verdicts about restrictions that begin late, by their kind and onset."""
    lines = []
    for kind, some in [*rates.rows_by_key(rows, lambda row: row.lateness).items(), ("all", list(rows))]:
        for low_s, high_s in pairwise(rates.ONSETS_S):
            within = [row for row in some if low_s <= row.onset_s < high_s]
            if within:
                lines.append([kind, f"{low_s:g} to {high_s:.0f}", f"{len(within)}", *_late_cells(within)])
    return markdown_table(("", "onset (s)", "checks", "false ok", "restricted or closed", "could not tell"), lines)


def _late_cells(rows: Sequence[CheckRow]) -> list[str]:
    accused = proportion_of(row.about.state in ("restricted", "closed") for row in rows)
    unknown = proportion_of(row.about.state in ("insufficient", "impaired") for row in rows)
    return [share_words(rates.false_ok(rows)), f"{accused.value:.0%}", f"{unknown.value:.0%}"]


def _two_words(found: Spread, digits: int = 1) -> str:
    return ", ".join(seconds_words(found.quantile(q), digits) for q in (0.5, 0.9))


def _seconds_words(rows: Sequence[CheckRow]) -> Spread:
    return Spread(tuple(row.seconds for row in rows))


def _megabytes_words(rows: Sequence[CheckRow]) -> Spread:
    return Spread(tuple(row.size_bytes / 1e6 for row in rows))


def by_effect(rows: Sequence[CheckRow], rule: str, name: str) -> list[str]:
    """Tabulates verdicts where one rule acts alone, by the value of one parameter."""
    sized = [(rates.rule_strength(row, rule, name), row) for row in rates.hit_rows(rows)]
    bands = [
        (low, high, [row for size, row in sized if size and low <= size < high])
        for low, high in EFFECT_RANGES[rule, name]
    ]
    lines = [_detection_line(f"{low:g} to {high:g}", some) for low, high, some in bands if some]
    return markdown_table((f"`{rule}` {name}", *DETECTION[1:]), lines)


def class_table(rows: Sequence[CheckRow]) -> list[str]:
    """Tabulates F1 of every rule."""
    counts = rates.confusion_counts(rows)
    totals = Counter(true for true, _ in counts.elements())
    lines = [(f"`{name}`", f"{totals[name]}", f"{value:.3f}") for name, value in rates.f1_of(counts).items()]
    return markdown_table(("truth", "n", "F1"), lines)


def coverage_of_intervals(rows: Sequence[CheckRow], key: Callable[[rates.IntervalCheck], str]) -> list[str]:
    """Tabulates the coverage of printed intervals."""
    found: dict[str, list[rates.IntervalCheck]] = {}
    for one in (one for row in rows for one in rates.known_intervals(row)):
        found.setdefault(key(one), []).append(one)
    lines = [
        (name, f"{len(some)}", share_words(proportion_of(one.holds for one in some)))
        for name, some in sorted(found.items())
    ]
    return markdown_table(("interval", "n", "holds the truth"), lines)


def together_table(rows: Sequence[CheckRow]) -> list[str]:
    """Tabulates the times of checks with all six voice apps."""
    heads = (
        "",
        "checks",
        "first sentence, s: median, 90 %",
        "every app decided",
        "s: median, 90 %",
        "MB: median, 90 %",
    )
    played = goals.all_arm_rows(rows)
    return markdown_table(
        heads, [_together_line(*group) for group in rates.rows_by_key(played, _row_circumstances).items()]
    )


def _row_circumstances(row: CheckRow) -> str:
    line = "a clean line" if row.kind == "clean" else "any other line"
    return f"{line}, {'something restricted' if row.hit else 'nothing restricted'}"


def _together_line(name: str, rows: Sequence[CheckRow]) -> list[str]:
    first = Spread(tuple(map(goals.first_s, rows)))
    every = share_words(proportion_of(map(goals.all_decided, rows)))
    return [
        name,
        f"{len(rows)}",
        _two_words(first),
        every,
        _two_words(_seconds_words(rows)),
        _two_words(_megabytes_words(rows), 2),
    ]


def wald_table(rows: Sequence[CheckRow]) -> list[str]:
    """Tabulates the time until known, compared with Wald's bound."""
    heads = (
        "line",
        "arms m",
        "p",
        "n",
        "knew",
        "s: median, 90 %",
        "mean s",
        "Wald's bound, s",
        "mean s / bound",
        "slots of the test / bound",
    )
    return markdown_table(heads, map(_wald_line, speed.speed_cells(rows)))


def _wald_line(cell: speed.SpeedCell) -> list[str]:
    ratio = cell.ratio
    known = bool(cell.knew.count)
    return [
        cell.line,
        f"{cell.arms}",
        f"{cell.p:g}",
        f"{cell.knew.total}",
        share_words(cell.knew),
        _two_words(cell.seconds),
        seconds_words(cell.mean_s),
        f"{cell.bound_s:.2f}",
        f"{cell.mean_s / cell.bound_s:.1f}" if known else "–",
        f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if known else "–",
    ]


def real_socket_table(pairs: Sequence[driver_agreement.DriverPair]) -> list[str]:
    """Tabulates virtual time compared with real sockets."""
    found = driver_agreement.driver_agreement(pairs)
    lines = [
        ("same state", found.state),
        ("same rule, where both accuse", found.rule),
        ("same direction, of the same rule", found.direction),
        ("intervals that overlap", found.overlap),
        ("entirely right in virtual time", found.right_sim),
        ("entirely right on real sockets", found.right_real),
    ]
    return markdown_table(
        ("of the same checks", "n", "share"), [(name, f"{part.total}", share_words(part)) for name, part in lines]
    )


def disagreement_list(pairs: Sequence[driver_agreement.DriverPair]) -> Iterator[str]:
    """Lists every check for which the two drivers disagree."""
    for pair in pairs:
        if pair.apart and not pair.void:
            setting = " + ".join(pair.sim.rules) or "nothing"
            yield (
                f"- seed {pair.sim.seed}, {setting}, {pair.sim.background}, {', '.join(pair.sim.arms)}: "
                f"{', '.join(pair.apart)} ({verdict_words(pair.sim)}; on real sockets {verdict_words(pair.real)})"
            )


def wrong_list(rows: Sequence[CheckRow]) -> Iterator[str]:
    """Lists every check with a false accusation, or with a wrong rule, direction or interval of the unit."""
    for row in rows:
        found = [row.failed] if row.failed else [f"{arm} `{state}`" for arm, state in rates.false_accusations(row)]
        found += [
            f"{arm} `restricted`, of which less than 1 % is taken"
            for arm in sorted(barely_touched_arms(row))
            if row.arms[arm] == "restricted"
        ]
        if rates.hit_rows([row]) and row.about.state in FINDING_STATES and row.about.wrong:
            found.append(verdict_words(row))
        if found:
            setting = " + ".join(row.rules) or "nothing"
            yield f"- seed {row.seed}, {setting}, {row.background}, {len(row.arms)} arms: {'; '.join(found)}"


def verdict_words(row: CheckRow) -> str:
    """Describes the verdict about the unit in words."""
    about = row.about
    parts = [
        about.state,
        about.rule or about.reason,
        about.direction or "",
        *map(_parameter_words, about.parameters.items()),
    ]
    wrong_words = f"wrong: {', '.join(about.wrong)}" if about.wrong else ""
    return " ".join(part for part in (*parts, wrong_words) if part)


def _parameter_words(pair: tuple[str, object]) -> str:
    name, value = pair
    if isinstance(value, str):
        return f"{name} {value}"
    assert isinstance(value, tuple)
    low, middle, high = ("?" if bound is None else f"{bound:.3g}" for bound in value)
    return f"{name} {middle} [{low}, {high}]"
