"""How calls fared on this network beside another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talkpath.report.words.amounts import numeral
from talkpath.report.words.language import listed, say
from talkpath.report.words.sentences import app_name_of


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
    odds = numeral(min(row["odds"] for row in mine))
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
