"""What a result says of its verdicts, once for a terminal and a page: which are explained, and each in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from talkpath.grouping import grouped_by_key
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.model import Verdict


class ToldVerdict(NamedTuple):
    """A verdict in words: one sentence, and the lines below it."""

    verdict: Verdict
    sentence: str
    lines: Sequence[str]


MOST_ASKED = ("whatsapp", "telegram")
"""Apps that most readers ask about, in order."""

WORST_FIRST = ("restricted", "closed", "impaired", "unreachable", "insufficient", "ok")


def reading_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts as readers look for them: those of `MOST_ASKED` first, the rest in the order of the check."""
    places = {app: place for place, app in enumerate(MOST_ASKED)}
    return sorted(verdicts, key=lambda verdict: places.get(verdict.app, len(places)))


def told_check(verdicts: Sequence[Verdict], check: CheckContext) -> list[ToldVerdict]:
    """What is explained of a check, the worst first and else in the order of the table: each verdict that is not ok,
    but of several that are told alike the first; where all are ok, the first."""
    verdicts = sorted(reading_order(verdicts), key=lambda verdict: WORST_FIRST.index(verdict.state))
    alike = grouped_by_key(
        ((verdict.rule, _common_words(verdict, check)), verdict) for verdict in verdicts if verdict.state != "ok"
    )
    several = len({verdict.medium for verdict in verdicts}) > 1
    return [
        ToldVerdict(
            verdict=first,
            sentence=sentences.verdict_sentence(first, check),
            lines=[
                *sentences.with_trouble(sentences.verdict_lines(first, check), first),
                *_alike_line(first, others, several),
            ],
        )
        for first, *others in alike.values() or ([verdict] for verdict in verdicts[:1])
    ]


def _common_words(verdict: Verdict, check: CheckContext) -> str:
    """What two verdicts have in common that are explained together: of a reason all but its numbers, which the table
    has for each app."""
    is_open = verdict.state == "insufficient" and verdict.medium != "text"
    return (
        re.sub(r"\d[\d.,]*", "", reason_clause(verdict.reason))
        if is_open
        else sentences.verdict_sentence(verdict, check)
    )


def _alike_line(first: Verdict, others: Sequence[Verdict], several_media: bool) -> list[str]:
    """The line about those of which nothing can be said for the same reason."""
    if not others or first.state != "insufficient":
        return []
    names = [
        f"{sentences.app_name(verdict)} ({sentences.medium_word(verdict.medium)})"
        if several_media
        else sentences.app_name(verdict)
        for verdict in others
    ]
    return [say("insufficient", "For the same reason nothing can be said about: {list}.", list=listed(names))]
