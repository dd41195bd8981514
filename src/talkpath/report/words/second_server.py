"""What a second test server adds to the words about an app.

What is said while a check looks for a test server in a directory's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talkpath.report.printable import printable
from talkpath.report.words.language import isolated, say
from talkpath.report.words.sentences import app_name_of, medium_word


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


def second_server_lines(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each opinion of the second server in a tp-004 object; none where no second one was asked."""
    opinions = record.get("second", {}).get("opinions", [])
    return [_agreement_line(one["agreement"], app_name_of(one["app"]), medium_word(one["medium"])) for one in opinions]


def _agreement_line(agreement: str, app: str, named_medium: str) -> str:
    values = {"app": app, "medium": named_medium}
    unknown = say("second", "{app}, {medium}: a second test server was asked and could not tell.", **values)
    return {
        "two_of_two": say(
            "second", "{app}, {medium}: two of two test servers find this, so it is not one server alone.", **values
        ),
        "one_of_two": say(
            "second",
            "{app}, {medium}: one of two test servers finds this, and with the other one calls are well: this server, "
            "or the way to it, may be what is blocked.",
            **values,
        ),
    }.get(agreement, unknown)
