"""The report of `talkpath watch`: a line after each check, and the verdicts of all checks together.

Of a campaign it says before and with the result what it does, when it ends and by which rule it stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from talkpath.grouping import grouped_by_key
from talkpath.report.check_text import STYLES
from talkpath.report.words import sentences
from talkpath.report.words.amounts import megabytes, odds_words
from talkpath.report.words.language import count, listed, say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.reasons import reason_clause
from talkpath.report.words.sentences import app_name_of
from talkpath.verdict.model import Verdict
from talkpath.wire.control.campaign import Campaign

SCHEMA = "talkpath.watch/1"


def watch_json(number: int, at: str, check: dict[str, Any] | None, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """One line of `--json`: the check as in tp-004 (null where it failed), and all checks so far `together`."""
    together = [msgspec.to_builtins(verdict) for verdict in verdicts]
    return {"schema": SCHEMA, "number": number, "at": at, "check": check, "together": together}


def check_line(at: str, verdicts: Sequence[Verdict]) -> str:
    """One check in a line: its time, and the apps of each state, with the reason where it could not tell."""
    groups = grouped_by_key(
        (
            sentences.verdict_label(verdict)
            + (f" ({reason_clause(verdict.reason)})" if verdict.state == "insufficient" else ""),
            say(
                "watch",
                "{app} ({medium})",
                app=sentences.app_name(verdict),
                medium=sentences.medium_word(verdict.medium),
            ),
        )
        for verdict in verdicts
    )
    return f"{at}  " + say("list", "; ").join(
        f"{label}: {say('list', ', ').join(names)}" for label, names in groups.items()
    )


def missed_line(at: str) -> str:
    """The line of a check that could not be made."""
    return f"{at}  {say('watch', 'The test server could not be used this time.')}"


def show_watch(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print all checks together, with the odds of each row and what is promised of the whole; that there is nothing to
    join where no check could tell."""
    if not verdicts:
        console.print(Text(f"\n{say('watch', 'No check could tell, so all together say nothing yet. Go on later.')}"))
        return
    console.print(Text(f"\n{say('watch', 'All checks together:')}"))
    grid = Table(box=None, pad_edge=False)
    for title in (
        say("table", "app"),
        say("table", "medium"),
        say("table", "result"),
        say("watch", "checks with signs"),
        say("watch", "evidence"),
    ):
        grid.add_column(title)
    for verdict in verdicts:
        label = Text(
            f"{sentences.STATE_MARKS[verdict.state]} {sentences.verdict_label(verdict)}", style=STYLES[verdict.state]
        )
        if verdict.rule:
            label.append(f" ({mechanism_clause(verdict)})", style="default")
        grid.add_row(
            sentences.app_name(verdict),
            sentences.medium_word(verdict.medium),
            label,
            _restricted_checks(verdict),
            _evidence_words(verdict.log10_e or 0.0),
        )
    console.print(grid)
    console.print(
        Text(
            say(
                "watch",
                "Evidence: how often all checks together would look like this if calls and control traffic were "
                "treated alike. Every check counts, whatever it said. Where nothing is restricted, fewer than 1 watch "
                "in 10 000 accuses.",
            )
        )
    )
    if sentences.translation_note():
        console.print(Text(f"\n{sentences.translation_note()}", style="dim"))


def _evidence_words(log10_e: float) -> str:
    """The odds as elsewhere; what is as likely as not is no evidence."""
    odds = odds_words(max(log10_e, 0.0))
    return say("watch", "none") if odds == "1" else say("watch", "less than 1 in {odds}", odds=odds)


def _restricted_checks(verdict: Verdict) -> str:
    checks, restricted = (round(verdict.figures[key] or 0) for key in ("checks", "checks_restricted"))
    return count("watch", "{restricted} of {number}", "{restricted} of {number}", checks, restricted=restricted)


def campaign_lines(campaign: Campaign, now: datetime, most_bytes: int) -> list[str]:
    """What whoever takes part agrees to. `most_bytes`: of one check."""
    checks = campaign.checks_left(now)
    apps = listed(app_name_of(name.partition("/")[0]) for name in campaign.apps)
    return [
        # They may call themselves anything, another's name and key too: the name is quoted, and comes after the key.
        say(
            "campaign",
            "Called for by the key {key}. Whoever has it calls themselves “{name}”.",
            name=campaign.by,
            key=campaign.key,
        ),
        say("campaign", "Apps: {apps}.", apps=apps) if apps else say("campaign", "Apps: all."),
        say(
            "campaign",
            "{number} times a day at irregular times, {checks} checks at most, {amount} each at most.",
            number=campaign.a_day,
            checks=checks,
            amount=megabytes(most_bytes),
        ),
        stop_rule(campaign),
        say(
            "campaign",
            "Whoever runs your network can see these checks; the test server sees your address while one runs, and "
            "could know you again by it. Nothing is sent to the organiser: you decide what you share.",
        ),
    ]


def stop_rule(campaign: Campaign) -> str:
    """When it ends: fixed and signed before it began."""
    return say(
        "campaign",
        "The campaign runs from {begins} to {ends} (UTC), as fixed and signed before it began. No result ends it "
        "earlier, and every check counts.",
        begins=campaign.begins,
        ends=campaign.ends,
    )
