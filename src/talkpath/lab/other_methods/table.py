"""The one table: what each method sees, and whom it accuses falsely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.exact_interval import Share
from talkpath.lab.other_methods import Look, Sight, methods, peers


def lines(looks: Iterable[Look]) -> list[str]:
    """Markdown: a row a rule (share that was seen), a row a background without a rule (share falsely accused), and
    what it cost. A cell is count/total with its exact 95 % interval."""
    every = list(looks)
    names = [peers()[method].name if method in peers() else method for method in methods()]
    found = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    hit, clear = [each for each in every if each.rules], [each for each in every if not each.rules]
    for rule in sorted({_rule(each) for each in hit}):
        found.append(_row(f"sees {rule}", [each for each in hit if _rule(each) == rule]))
    found.append(_row("**sees, of all that is restricted**", hit))
    for background in sorted(
        {each.background for each in clear}, key=lambda name: (background_kinds()[name].unseen, name)
    ):
        words = (
            f"accuses falsely: {background}{' (nobody tuned to it)' if background_kinds()[background].unseen else ''}"
        )
        found.append(_row(words, [each for each in clear if each.background == background]))
    found.append(_row("**accuses falsely, of all that is not**", clear))
    found.append(_costs("seconds, median", every, lambda sight: sight.seconds))
    found.append(_costs("MB, median", every, lambda sight: sight.bytes / 1e6))
    return found


def _rule(look: Look) -> str:
    return f"`{look.rules[0]}`" if len(look.rules) == 1 else "two rules at once"


def _row(words: str, looks: Sequence[Look]) -> str:
    cells = [cell(sum(each.sights[n].accused for each in looks), len(looks)) for n in range(len(methods()))]
    return f"| {words} | {' | '.join(cells)} |"


def _costs(words: str, looks: Sequence[Look], cost: Callable[[Sight], float]) -> str:
    cells = [f"{median(cost(each.sights[n]) for each in looks):.2f}" if looks else "–" for n in range(len(methods()))]
    return f"| {words} | {' | '.join(cells)} |"


def cell(count: int, total: int) -> str:
    """As `3/40 [0.016, 0.204]`."""
    found = Share(count, total)
    return f"{count}/{total} [{found.low:.3f}, {found.high:.3f}]" if total else "–"
