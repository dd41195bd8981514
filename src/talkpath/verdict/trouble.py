"""Names the kind of trouble that a verdict points to, in one closed word: what people have to know first.

It names no way around, and goes no further than the verdict. Where several kinds fit, there is none.

| word | what fares worse |
|---|---|
| `addresses` | whatever is sent to certain addresses, whatever it looks like |
| `packets` | packets of a certain look, wherever they go |
| `unlisted` | everything but listed hosts |
| `line` | everything alike |
| `own_device` | this device's own network, proxy, VPN or tool |
| `app` | the app, or the other person's end |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Trouble = Literal["addresses", "packets", "unlisted", "line", "own_device", "app"]

FINDING_STATES = ("restricted", "closed", "unreachable")
TROUBLE_OF_RULE: Mapping[str, Trouble] = {
    "address.block": "addresses",
    "relearn": "addresses",
    "dns.remove": "addresses",
    "allowlist": "unlisted",
}
"""Of every other rule it is the look of packets."""
TROUBLE_OF_BINDING: Mapping[str, Trouble] = {"address": "addresses", "shape": "packets", "name": "packets"}
TROUBLE_OF_REASON: Mapping[str, Trouble] = {
    "vpn": "own_device",
    "hidden": "own_device",
    "network_changed": "own_device",
    "offline": "own_device",
    "portal": "line",
    "line": "line",
    "unlike": "line",
    "rebinding": "line",
    "congested": "app",
}


def trouble_of(state: str, rule: str | None, bound_to: str, reason: str, values: Mapping[str, Any]) -> Trouble | None:
    """Return the kind of trouble of a verdict with this state, rule, `bound_to` of its parameters ("" without one), and
    reason ("" without one) with its values."""
    if state == "impaired":
        return "line"
    if state in FINDING_STATES:
        if rule is None:
            return "packets" if state == "restricted" else None
        return TROUBLE_OF_BINDING.get(bound_to) or TROUBLE_OF_RULE.get(rule, "packets")
    if state != "insufficient" or "unanswered" in values:
        return None
    if reason == "late":
        return "own_device" if values.get("at") == "probe" else None
    if reason == "offline" and "asked" in values:
        return "line"
    return TROUBLE_OF_REASON.get(reason)
