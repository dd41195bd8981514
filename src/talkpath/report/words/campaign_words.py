"""A campaign in words: what it will do, when it ends, by which rule it stops. Shown before it begins and with its
result."""

from __future__ import annotations

from datetime import datetime

from talkpath.report.words.amounts import megabytes
from talkpath.report.words.language import listed, say
from talkpath.report.words.sentences import app_name_of
from talkpath.wire.control.campaign import Campaign


def campaign_lines(campaign: Campaign, now: datetime, most_bytes: int) -> list[str]:
    """What whoever takes part agrees to. `most_bytes`: of one check."""
    checks = campaign.checks_left(now)
    apps = listed(app_name_of(name.partition("/")[0]) for name in campaign.apps)
    return [
        say("campaign", "Called for by: {name} (key {key}).", name=campaign.by, key=campaign.key),
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
            "could know you again by it. Nothing is sent to the organiser: you decide what you share. Ctrl-C stops it "
            "at any time.",
        ),
    ]


def stop_rule(campaign: Campaign) -> str:
    """When it ends: fixed and signed before it began."""
    return say(
        "campaign",
        "It runs from {begins} to {ends} (UTC), as fixed and signed before it began. No result ends it earlier, and "
        "every check counts.",
        begins=campaign.begins,
        ends=campaign.ends,
    )
