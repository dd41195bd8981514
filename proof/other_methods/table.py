"""Writes the table of methods: what each detects, its false accusations, and its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from proof.other_methods import Comparison, MethodResult, method_ids, other_methods
from talkpath.lab.backgrounds import background_kinds
from talkpath.verdict.statistics.proportion import Proportion


def comparison_lines(rows: Iterable[Comparison]) -> list[str]:
    """Returns Markdown: one row for each rule (share that was detected), one for each background without a rule (share
    that was falsely accused), and the cost. A cell is count/total with its exact 95 % interval."""
    every = list(rows)
    names = [other_methods()[method].name if method in other_methods() else method for method in method_ids()]
    table = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    hit, clear = [each for each in every if each.rules], [each for each in every if not each.rules]
    for rule in sorted({_rule_of(each) for each in hit}):
        table.append(_share_row(f"sees {rule}", [each for each in hit if _rule_of(each) == rule]))
    table.append(_share_row("**sees, of all that is restricted**", hit))
    for background in sorted(
        {each.background for each in clear}, key=lambda name: (background_kinds()[name].unseen, name)
    ):
        words = (
            f"accuses falsely: {background}{' (nobody tuned to it)' if background_kinds()[background].unseen else ''}"
        )
        table.append(_share_row(words, [each for each in clear if each.background == background]))
    table.append(_share_row("**accuses falsely, of all that is not**", clear))
    table.append(_cost_row("seconds, median", every, lambda sight: sight.seconds))
    table.append(_cost_row("MB, median", every, lambda sight: sight.bytes / 1e6))
    return table


def _rule_of(look: Comparison) -> str:
    return f"`{look.rules[0]}`" if len(look.rules) == 1 else "two rules at once"


def _share_row(words: str, looks: Sequence[Comparison]) -> str:
    cells = [share_cell(sum(each.sights[n].accused for each in looks), len(looks)) for n in range(len(method_ids()))]
    return f"| {words} | {' | '.join(cells)} |"


def _cost_row(words: str, looks: Sequence[Comparison], cost: Callable[[MethodResult], float]) -> str:
    cells = [
        f"{median(cost(each.sights[n]) for each in looks):.2f}" if looks else "–" for n in range(len(method_ids()))
    ]
    return f"| {words} | {' | '.join(cells)} |"


def share_cell(count: int, total: int) -> str:
    """Formats a cell like `3/40 [0.016, 0.204]`."""
    found = Proportion(count, total)
    return f"{count}/{total} [{found.low:.3f}, {found.high:.3f}]" if total else "–"
