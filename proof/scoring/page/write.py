"""Writes docs/error-rates.md from rows alone: the same rows give the same page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from proof.other_methods import Comparison, other_methods
from proof.other_methods.table import comparison_lines as peers_table
from proof.scoring import driver_agreement
from proof.scoring.metrics import goals, rates
from proof.scoring.page import tables
from proof.scoring.page.pictures import score_pictures
from proof.scoring.row import CheckRow
from talkpath.experiment.plan import LIGHT_VOICE_BYTES
from talkpath.version import VERSION

PAGE_NOTE = "<!-- written by `python -m proof score --page`: from rows alone, never by hand -->"
MOST_LISTED = 60


def write_score_page(
    path: Path,
    rows: Sequence[CheckRow],
    pairs: Sequence[driver_agreement.DriverPair],
    looks: Sequence[Comparison],
    code: str,
) -> None:
    """Writes the page, and its pictures into a folder of the same name next to it."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in score_pictures(rows).items():
        (folder / name).write_text(svg, encoding="utf-8")
    path.write_text("\n".join(page_lines(rows, pairs, looks, code, folder.name)) + "\n", encoding="utf-8")


def page_lines(
    rows: Sequence[CheckRow],
    pairs: Sequence[driver_agreement.DriverPair],
    looks: Sequence[Comparison],
    code: str,
    folder: str,
) -> Iterator[str]:
    """Returns the lines of the page. `folder` holds the pictures."""
    seen = [row for row in rows if not rates.has_unseen_background(row)]
    apart = [row for row in rows if rates.has_unseen_background(row)]
    yield from ("# Error rates", "", PAGE_NOTE, "")
    yield from _opening_part(rows, code)
    yield from _page_part("What must be shown", tables.goals_table(goals.score_goals(rows)))
    yield from _null_part(seen)
    yield from _found_part(seen, folder)
    yield from _late_part(seen)
    yield from _held_part(seen, folder)
    yield from _soon_part(seen, folder)
    yield from _light_part(rates.light_rows(seen))
    yield from _unseen_part(apart)
    yield from _other_methods_part(looks)
    yield from _real_sockets_part(pairs)
    yield from _listed_part("Everything that was wrong", list(tables.wrong_list(rows)))


def _opening_part(rows: Sequence[CheckRow], code: str) -> Iterator[str]:
    yield (
        f"talkpath {VERSION}, code `{code}`: {len(rows)} checks in virtual time, {_seeds_words(rows)}, drawn by seed "
        "([how, and how to read this page](why/2026-11-24-error-rates.md)). Every check ran the real engines and the "
        "real verdicts through a network made up by the lab, whose truth is known. SIMULATED: none of this is a "
        "measurement of anybody's network. Brackets are exact 95 % intervals (Clopper and Pearson), `≤` after a count "
        "is the upper end of one. Play it again with `make score`; one check with `python -m proof score --one SEED`. "
        "Questions to apps' own servers, and real calls beside control traffic, have [a page](own-address-rates.md) of "
        "their own."
    )


def _seeds_words(rows: Sequence[CheckRow]) -> str:
    """Returns which seeds were played: all up to one of them, and after it those where nothing is restricted."""
    seeds = sorted(row.seed for row in rows)
    if not seeds:
        return "no seeds"
    last = next((one for one, following in pairwise(seeds) if following > one + 1), seeds[-1])
    text = f"seeds {seeds[0]} to {last}"
    more = sum(seed > last for seed in seeds)
    return f"{text}, and {more} of those up to {seeds[-1]} where nothing is restricted" if more else text


def _null_part(rows: Sequence[CheckRow]) -> Iterator[str]:
    null = [row for row in rows if row.study == "null"]
    yield from _page_part(
        "Nobody restricts anything",
        tables.null_table(null, lambda row: row.kind),
        "By background. `corporate` lets no UDP out and may be called closed; nothing else may be called anything.",
    )
    yield from _page_part("By how many arms", tables.null_table(null, tables.arm_count_words), level=3)
    hardly = rates.hardly_touched(rows)
    words = (
        f"With the arms that stood beside a restricted one. Not in it are {hardly.total} arms that a rule acts on "
        "but takes less than 1 % of, as a size limit does that only packets of a call's opening exceed; of these "
        f"{hardly.count} were said to be `restricted`."
    )
    yield from _page_part("False words by arm", tables.null_by_app(rows), words, level=3)


def _found_part(rows: Sequence[CheckRow], folder: str) -> Iterator[str]:
    drawn = [row for row in rows if row.study == "rules"]
    yield from _page_part(
        "Something is restricted",
        tables.detection_table(drawn, lambda row: "two rules" if len(row.rules) > 1 else f"`{rates.true_rule(row)}`"),
        "One restriction drawn at random (or two), on every background; the row is about the one arm it was drawn for. "
        "`media.unknown`: restricted, but several rules are equally likely.",
    )
    yield from _page_part("By background", tables.detection_table(drawn, lambda row: row.kind), level=3)
    yield from _page_part("By app", tables.detection_table(drawn, lambda row: row.about.arm), level=3)
    made = tables.detection_table(drawn, lambda row: tables.made_words(row.about.arm))
    yield from _page_part("By how the calls are made", made, level=3)
    yield from _page_part("By how many arms", tables.detection_table(drawn, tables.arm_count_words), level=3)
    for rule, name in tables.EFFECT_RANGES:
        yield from _page_part(f"By strength: `{rule}` {name}", tables.by_effect(drawn, rule, name), level=3)
    yield from _page_part("Which rule was taken for which", [f"![confusion of rules]({folder}/confusion.svg)"], level=3)
    yield from _page_part("F1", tables.class_table(rates.drawn_at_large(rows)), level=3)


def _late_part(rows: Sequence[CheckRow]) -> Iterator[str]:
    late = rates.late_rows(rows)
    words = (
        "Restrictions that a short look does not see: calls that die late or are policed after a burst, rules that "
        "begin during the check, act now and then, block the port afterwards, or hit whole flows. *False ok*: the app "
        "was said to be `ok`, although a call of two minutes, begun with the check, would be hit. `ok` takes 20 s "
        "watched, so later onsets can go unseen. Onset in seconds of such a call."
    )
    yield from _page_part("The other error: ✓ for calls that are hit", tables.late_table(late), words)


def _held_part(rows: Sequence[CheckRow], folder: str) -> Iterator[str]:
    drawn = rates.drawn_at_large(rows)
    yield from _page_part(
        "Do the intervals hold?",
        [f"![coverage by background]({folder}/coverage.svg)"],
        "Every printed interval about the row's unit whose truth is known beforehand: the parameters of a rule that is "
        "named right, and extra loss and delay.",
    )
    yield from _page_part("By quantity", tables.coverage_of_intervals(drawn, lambda one: one.name), level=3)


def _soon_part(rows: Sequence[CheckRow], folder: str) -> Iterator[str]:
    yield from _page_part(
        "How soon?",
        [f"![time to know against effect]({folder}/known.svg)"],
        "WebRTC's voice, packets dropped one way. Wald's bound is that of a test that knows everything about the line "
        "and p beforehand, at the check's own error (alpha over m arms, times 0.22 for loss one way). Seconds count "
        "from the start of the check, with the control channel's set-up and, in a battery, the other arms' turns.",
    )
    yield from _page_part("Against Wald's bound", tables.wald_table(rows), level=3)
    words = "The default battery: eight arms, 10 MB, 60 s."
    yield from _page_part("Six voice apps together", tables.together_table(rows), words, level=3)


def _light_part(rows: Sequence[CheckRow]) -> Iterator[str]:
    megabytes = LIGHT_VOICE_BYTES // 1_000_000
    yield from _page_part(
        "With fewer bytes: `check --light`",
        tables.null_table([row for row in rows if not row.rules], tables.arm_count_words),
        f"At most {megabytes} MB for voice. No call lives through the check, so that no arm can be `ok`; what is said "
        "against a network needs as much evidence as ever.",
    )
    drawn = [row for row in rows if row.rules]
    yield from _page_part(
        "Something is restricted, with fewer bytes", tables.detection_table(drawn, tables.arm_count_words), level=3
    )


def _unseen_part(rows: Sequence[CheckRow]) -> Iterator[str]:
    null = [row for row in rows if row.study == "null"]
    drawn = [row for row in rows if row.study == "rules"]
    yield from _page_part(
        "Backgrounds that nobody tuned to",
        tables.null_table(null, lambda row: row.kind),
        "Written after the method was frozen; not in the numbers above, but for what was said falsely.",
    )
    yield from _page_part("Restrictions on them", tables.detection_table(drawn, lambda row: row.kind), level=3)
    yield from _page_part(
        "Intervals on them", tables.coverage_of_intervals([*null, *drawn], lambda one: one.row.kind), level=3
    )


def _other_methods_part(looks: Sequence[Comparison]) -> Iterator[str]:
    if looks:
        sources = [f"- {peer.name}: {peer.source}" for peer in other_methods().values()]
        yield from _page_part("Other methods in the same lab", [*peers_table(looks), "", *sources])


def _real_sockets_part(pairs: Sequence[driver_agreement.DriverPair]) -> Iterator[str]:
    if not pairs:
        return
    void = sum(pair.void for pair in pairs)
    yield from _page_part(
        "Beyond simulation",
        tables.real_socket_table(pairs),
        f"{len(pairs)} of the checks again on real sockets in network namespaces (driver `netns`), beside the same "
        f"seeds in virtual time; {void} of them void because this machine was too late, and not counted.",
    )
    yield from _listed_part("Where the two disagree", list(tables.disagreement_list(pairs)), level=3)


def _page_part(heading: str, lines: Iterable[str], words: str = "", level: int = 2) -> Iterator[str]:
    yield from ("", f"{'#' * level} {heading}", "")
    if words:
        yield from (words, "")
    yield from lines


def _listed_part(heading: str, lines: Sequence[str], level: int = 2) -> Iterator[str]:
    if not lines:
        yield from _page_part(heading, ["Nothing."], level=level)
        return
    more = [f"- and {len(lines) - MOST_LISTED} more"] if len(lines) > MOST_LISTED else []
    yield from _page_part(heading, [*lines[:MOST_LISTED], *more], level=level)
