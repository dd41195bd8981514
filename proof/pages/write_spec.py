"""Writes spec/tp-002.md from the registry of rules, the words beside it, and spec/mechanisms.toml.

    .venv/bin/python -m proof.pages.write_spec tp-002

The page is never edited by hand; tests/verdict/test_rules.py fails when it is not current.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from proof.pages.spec_words import FIELD_TEXTS, FIGURE_TEXTS, REASON_TEXTS, STATE_TEXTS
from talkpath.apps.contract.shape import AffectedDirections
from talkpath.errors import UsageError
from talkpath.measure.question_text import question_text
from talkpath.verdict.model import Basis
from talkpath.verdict.rules import REGISTRY_VERSION, all_rules
from talkpath.verdict.rules.rule import Rule

SPEC_FOLDER = Path(__file__).resolve().parents[2] / "spec"
SPEC_NOTE = (
    "<!-- written by proof/pages/write_spec.py: change src/talkpath/verdict and spec/mechanisms.toml, and run it -->"
)

HEAD = f"""# tp-002: verdicts and rules

{SPEC_NOTE}

A verdict is a function of the facts (tp-001) and of nothing else: judged again, on any machine, it has the same state,
rule and direction, and the same log10 e within 1e-9. This is version {REGISTRY_VERSION} of the rules. A rule id that is
not in this page is a bug. No verdict names who restricts, or why, and none goes beyond its basis: with basis `shape` it
says how calls shaped like an app's reach a test server, never how the app's own servers answer.
"""

ORDER = """\
States are tried in this order: what voids the run (`insufficient` with `network_changed`, `vpn`, `clock`, `late`),
`unreachable`, twins that fare worse than calls, `restricted`, `closed`, `impaired`, `ok`; whatever is left is
`insufficient`. Where `udp.block` or `udp.freeze` may hold, nobody is accused by how exactly calls ended. Packets
that left more than 5 ms late (99th percentile) void what the tests of delay say. What was proven before the far end was
lost stays.

One verdict is given per app and medium: that of its worst variant that was asked (`restricted`, `closed`,
`unreachable`, `impaired`, then `ok`). An undecided variant in which something is amiss comes before `ok` (`variant`).
`ok` of one arm is `insufficient (stale)` where another arm was held back, closed or lost its calls later, until fresh
calls were measured since.
"""

NAMING = """\
The accusation comes from the e-value alone; the rule is named afterwards, by likelihood. Under each rule a call's
packet of one slot is lost with chance 1 - (1 - q)(1 - p): q is what the twins of that slot suffered, p what the rule
predicts. The best rule, less a price for each free number, is named if no other ties; rules that come close are first
put to the contrasts below, and where several still tie the rule is `media.unknown` with `alternatives`. Rules of the
state `closed` rest on a contrast over the whole check that is at least as lopsided as 1 in m/alpha.

Direction is seen from the user, and null where it is not known: where nothing arrives up the far end says nothing, so
that nobody knows what would become of its packets; and likewise of answers to a request that is dropped. A ClientHello
and a greeting of a relay are messages of one end, and theirs is that end's direction. Intervals are 95 %; where the
facts bound one side only the other is null.

A verdict of basis `address` with a `log10_e` rests on packets that expired on the way to the app's own servers
(`talkpath endpoints --tier 3`). Its rules keep their ids and have three more parameters: `bound_to` is `shape` (a
call's bytes fare worse towards any address), `address` (whatever goes to the app's address fares worse) or `both` (a
call's bytes fare worse there alone), left out where that is not proven; `hop` is the number of the router before which
it acts, with its least and its greatest; `hop_kind` that router's kind (`home`, `provider`, `public`). Direction is
always `up`, and `p` has an exact interval of 99 %. There `media.drop` with `bound_to` `address` drops whatever goes
there.
"""


TROUBLES = """\
Kinds of trouble: `addresses` (whatever is sent to certain addresses fares worse, whatever it looks like), `packets`
(packets of a certain look do), `unlisted` (everything but listed hosts), `line` (everything alike), `own_device` (this
device's own network, proxy, VPN or tool), `app` (the app, or the other person's end). The word follows from state, rule
and reason; where several kinds fit there is none.
"""

SECOND_SERVER = """\
Where the test server comes from a list (tp-011) and the result is `restricted`, `closed` or `unreachable`, a server in
another network is asked about those apps, within the same budget. Each verdict stands by itself; no state follows from
both. The opinions (`second` in tp-004) compare them: `two_of_two` where the second finds one of these states too,
`one_of_two` where it finds `ok` (or no sign while it watched, and the first rule is no freeze), `unknown` otherwise.

Where both are `restricted`, `log10_e` of the opinion is the sum of both: the product of the e-values. A mean is valid
whatever two e-values have in common. The product is larger, and valid here: each check has seeds of its own, drawn by
both of its ends after the first check has ended, so under the hypothesis that nothing on either way tells calls from
twins the second e-value is expected to be at most 1, whatever the first one was (optional continuation). It says how
strong the evidence is that somewhere on these two ways something does, not that it is on both: for that each verdict
has its own.
"""


MECHANISMS = """\
A rule names the mechanisms that it stands for. They are known from public sources, which the table cites; how well the
sources support one is said beside it. The numbers are permanent.
"""

INNOCENT = """\
Causes that are no restriction of calls and look similar, each with what keeps a verdict from taking it for one:
"""


def rules_page() -> str:
    """The whole of spec/tp-002.md."""
    sections = {
        "The record": verdict_fields(),
        "States": (*state_table(), ORDER),
        "Rules": (NAMING, *rule_table()),
        "Parameters": parameter_table(),
        "Mechanisms": (MECHANISMS, *mechanism_table(), INNOCENT, *innocent_causes()),
        "A second test server": (SECOND_SERVER,),
        "Reasons": reason_table(),
        "Figures": figure_table(),
    }
    lines = [HEAD]
    for title, section in sections.items():
        lines += [f"## {title}\n", *section]
    return "\n".join(lines)


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table, and an empty line."""
    titles = list(head)
    yield "| " + " | ".join(titles) + " |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def verdict_fields() -> Iterator[str]:
    """The fields of a verdict."""
    yield from markdown_table(("field", "meaning"), ((f"`{name}`", words) for name, words in FIELD_TEXTS.items()))
    bases, ways = (", ".join(f"`{word}`" for word in get_args(kind)) for kind in (Basis, AffectedDirections))
    yield f"Bases: {bases}. Directions: {ways}.\n"
    yield TROUBLES


def state_table() -> Iterator[str]:
    """The closed list of states."""
    rows = ((f"`{code}`", s.label, s.means, s.needs, s.never) for code, s in STATE_TEXTS.items())
    yield from markdown_table(("state", "label for people", "means", "needs", "never means"), rows)


def rule_table() -> Iterator[str]:
    """Every rule of the registry."""
    rows = (
        (
            f"`{rule.id}`",
            f"`{rule.state}`",
            ", ".join(rule.mechanisms) or "–",
            rule.means,
            rule.shown_by,
            contrast_words(rule),
        )
        for rule in all_rules().values()
    )
    yield from markdown_table(("rule", "state", "mechanisms", "means", "told by", "contrasts"), rows)


def contrast_words(rule: Rule) -> str:
    """The questions that separate it from others."""
    return ", ".join(f"{word} {value}" if value else word for word, value in map(question_text, rule.contrasts)) or "–"


def parameter_table() -> Iterator[str]:
    """Every parameter of every rule: the same keys and units as the lab's settings."""
    rows = (
        (f"`{rule.id}`", f"`{p.name}`", p.unit or "category", p.meaning)
        for rule in all_rules().values()
        for p in rule.parameters
    )
    yield from markdown_table(("rule", "parameter", "unit", "meaning"), rows)


def mechanism_catalogue() -> Mapping[str, Any]:
    """spec/mechanisms.toml."""
    return tomllib.loads((SPEC_FOLDER / "mechanisms.toml").read_text(encoding="utf-8"))


def mechanism_table() -> Iterator[str]:
    """Known mechanisms, the rules that name them, and the sources."""
    rows = (
        (one["id"], f"{one['name']}. {one['acts']}", one["seen"], named_by(one), source_links(one), one["support"])
        for one in mechanism_catalogue()["mechanism"]
    )
    yield from markdown_table(("id", "how it acts", "what is seen", "told by", "sources", "support"), rows)


def named_by(mechanism: Mapping[str, Any]) -> str:
    """The rules that stand for a mechanism; where there is none, what tells it instead."""
    ids = [f"`{rule.id}`" for rule in all_rules().values() if mechanism["id"] in rule.mechanisms]
    return ", ".join(ids) or str(mechanism["told_by"])


def innocent_causes() -> Iterator[str]:
    """Innocent causes that look like a mechanism."""
    rows = (
        (one["id"], f"{one['name']}. {one['acts']}", one["told_by"], source_links(one))
        for one in mechanism_catalogue()["innocent"]
    )
    yield from markdown_table(("id", "cause", "what tells it apart", "sources"), rows)


def source_links(entry: Mapping[str, Any]) -> str:
    """Numbered links to the sources."""
    return ", ".join(f"[{number}]({url})" for number, url in enumerate(entry["sources"], 1))


def reason_table() -> Iterator[str]:
    """The closed list of reason codes."""
    yield from markdown_table(
        ("code", "meaning (values in code type)"), ((f"`{code}`", words) for code, words in REASON_TEXTS.items())
    )


def figure_table() -> Iterator[str]:
    """Numbers for the sentences."""
    yield from markdown_table(("figure", "meaning"), ((f"`{name}`", words) for name, words in FIGURE_TEXTS.items()))


def main(names: list[str]) -> None:
    """`tp-002` is the one page written here."""
    if names != ["tp-002"]:
        raise UsageError("Say which page to write; there is: tp-002.")
    (SPEC_FOLDER / "tp-002.md").write_text(rules_page(), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UsageError as error:
        sys.exit(str(error))
