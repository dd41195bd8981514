"""What is said while a check looks for a test server in a directory's list."""

from __future__ import annotations

from talkpath.report.printable import printable
from talkpath.report.words.language import isolated, say


def server_try_line(number: int, of: int, country: str, operator: str) -> str:
    """Which server of the list is asked now. `operator` is text from outside."""
    if not operator:
        return say(
            "listed", "Test server {number} of {of} from the list: {country}.", number=number, of=of, country=country
        )
    return say(
        "listed",
        "Test server {number} of {of} from the list: {country}, run by {operator}.",
        number=number,
        of=of,
        country=country,
        operator=isolated(printable(operator)),
    )


def second_asked() -> str:
    """The result is looked at from a second server."""
    return say("listed", "A second test server is asked about this result.")


def kept_list(day: str) -> str:
    """The directory could not be reached."""
    return say("listed", "The directory of test servers cannot be reached; its list of {day} is used.", day=day)
