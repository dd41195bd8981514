"""Over which version of IP a check ran, and what it found over the other one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from talkpath.report.words.language import say
from talkpath.report.words.sentences import app_name_of, medium_word

HELD_BACK_STATES = ("restricted", "closed")


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
    return [*_unlike_lines(record)] or [say("families", "Measured over IPv4 and over IPv6, with no difference found.")]


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
