"""The condition under which a result holds, where its reader did not say that no VPN was on.

Contract: the page is told what was measured, and under which condition. The evidence is judged without that: there
nothing is said of such a check, and so no observatory counts it for the reader's network.
"""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.measure.facts import Facts
from talkpath.report.words.language import say


def assuming_no_vpn(facts: Facts) -> Facts:
    """The facts as if the reader had said that no VPN was on."""
    return facts if facts.health.vpn is False else replace(facts, health=replace(facts.health, vpn=False))


def vpn_condition(facts: Facts) -> str:
    """The condition in a sentence; "" where no VPN was on."""
    if facts.health.vpn is False:
        return ""
    if facts.health.vpn:
        return say(
            "browser",
            "A VPN or a proxy was on: this is its network, not that of this device. No observatory counts it.",
        )
    return say(
        "browser",
        "If a VPN or a proxy was on, this is its network, not that of this device. No observatory counts it.",
    )
