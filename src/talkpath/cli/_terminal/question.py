"""A question that is answered by yes or no, in the reader's language."""

from __future__ import annotations

import click

from talkpath.report.words.language import say


def is_agreed(question: str) -> bool:
    """Ask on standard error: does whoever sits here agree? No answer is a no. The language's own words serve, and
    English ones beside them, or their first letters; after anything else the question is asked again."""
    yes, no = [say("browser", "Yes").casefold(), "yes"], [say("browser", "No").casefold(), "no"]
    meanings = {form: word in yes for word in (*yes, *no) for form in (word, word[0])}
    # Not click.Choice: what that says of another answer is English in every language.
    while (
        answer := click.prompt(f"{question} [{yes[0]}/{no[0]}]", default=no[0], show_default=False, err=True)
        .strip()
        .casefold()
    ) not in meanings:
        continue
    return meanings[answer]
