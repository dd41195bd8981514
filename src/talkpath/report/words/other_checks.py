"""What other checks add to the words about an app: with a second test server, over the other version of IP, on another
network; and what is said while a check looks for a test server in a directory's list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from typing import Any

from talkpath.report.printable import printable
from talkpath.report.words.amounts import odds_words
from talkpath.report.words.language import isolated, listed, say
from talkpath.report.words.sentences import app_name_of, medium_word
from talkpath.verdict.model import HELD_BACK_STATES


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
    return [
        _agreement_line(one["agreement"], app_name_of(one["app"]), medium_word(one["medium"]))
        for one in record.get("second", {}).get("opinions", [])
    ]


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


def network_lines(record: Mapping[str, Any]) -> list[str]:
    """One sentence of a tp-004 object with `beside`; none without."""
    if "beside" not in record:
        return []
    rows = record["beside"]
    if not rows:
        return [say("networks", "Nothing was measured on both networks, so they cannot be compared.")]
    worse = next(filter(None, (row["worse"] for row in rows)), "")
    mine = [row for row in rows if row["worse"] == worse]
    apps = listed(dict.fromkeys(app_name_of(row["app"]) for row in mine))
    odds = odds_words(log10(min(row["odds"] for row in mine)))
    if worse == "here":
        return [
            say(
                "networks",
                "Calls like those of {apps} fare worse on this network than on the other one, to the same test server: "
                "chance alone brings such a difference less than once in {odds} pairs of checks.",
                apps=apps,
                odds=odds,
            )
        ]
    if worse == "there":
        return [
            say(
                "networks",
                "Calls like those of {apps} fare better on this network than on the other one, to the same test "
                "server: chance alone brings such a difference less than once in {odds} pairs of checks.",
                apps=apps,
                odds=odds,
            )
        ]
    return [say("networks", "Between this network and the other one no difference was found in how calls fare.")]


def family_asked(family: int) -> str:
    """The same is asked over that version of IP."""
    return say("families", "The same is asked over {version}.", version=f"IPv{family}")


def family_lines(record: Mapping[str, Any]) -> list[str]:
    """A line on the version of IP of a tp-004 object, or one for each app and medium that fares unlike over the other,
    and one where a VPN may be on; none where no calls were placed."""
    if not any(one["family"] for one in record.get("verdicts", ())):
        return []
    return [*_families_measured(record), *_unseen_tunnel(record)]


def _unseen_tunnel(record: Mapping[str, Any]) -> Iterator[str]:
    """That nobody knows whether a tunnel is on; the lab has none."""
    if record["vpn"] is None and not record["simulated"]:
        yield say(
            "families",
            "Whether a VPN is on cannot be seen on this device. Behind one this is about another network: switch it "
            "off, and check again.",
        )


def _families_measured(record: Mapping[str, Any]) -> list[str]:
    if "other_family" not in record:
        return [say("families", "Measured over {version} alone.", version=f"IPv{record['family']}")]
    lines = [*_unlike_lines(record), *_untold_line(record)]
    return lines or [say("families", "Measured over IPv4 and over IPv6, with no difference found.")]


def _untold_line(record: Mapping[str, Any]) -> Iterator[str]:
    """The apps without a sign of restriction of which the other version of IP tells nothing: a rule may act there."""
    told = {(one["app"], one["medium"]) for one in record["other_family"]["verdicts"] if one["state"] != "insufficient"}
    fine = [one for one in record["verdicts"] if one["state"] == "ok" and (one["app"], one["medium"]) not in told]
    if fine:
        yield say(
            "families",
            "That there is no sign of restriction holds over {held} alone for: {apps}. Over {other} nothing can be "
            "said about them.",
            held=f"IPv{record['family']}",
            other=f"IPv{record['other_family']['family']}",
            apps=listed(dict.fromkeys(app_name_of(one["app"]) for one in fine)),
        )


def _unlike_lines(record: Mapping[str, Any]) -> Iterator[str]:
    first, other = record["family"], record["other_family"]["family"]
    found = {(one["app"], one["medium"]): one for one in record["other_family"]["verdicts"]}
    for one in record["verdicts"]:
        beside = found.get((one["app"], one["medium"]))
        if beside is None or one["state"] not in HELD_BACK_STATES:
            continue
        if one["family"] == other:
            yield _held_back_line(one, other, first)
        elif beside["state"] not in HELD_BACK_STATES:
            yield _held_back_line(one, first, other)


def _held_back_line(verdict: Mapping[str, Any], held: int, spared: int) -> str:
    return say(
        "families",
        "{app}, {medium}: this was found over {held} alone; over {spared} nothing was.",
        app=app_name_of(verdict["app"]),
        medium=medium_word(verdict["medium"]),
        held=f"IPv{held}",
        spared=f"IPv{spared}",
    )
