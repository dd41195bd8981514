"""What is said over which version of IP was found, or not."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.report.words.other_checks import family_lines


def verdict(app: str, state: str, family: int) -> dict[str, Any]:
    return {"app": app, "medium": "voice", "state": state, "family": family}


SAME = "Measured over IPv4 and over IPv6, with no difference found."
UNTOLD = "That there is no sign of restriction holds over IPv6 alone for: {}. Over IPv4 nothing can be said about them."
FOUND = "Max, voice: this was found over IPv4 alone; over IPv6 nothing was."


@pytest.mark.parametrize(
    ("over_ipv6", "over_ipv4", "told"),
    [
        ({"max": "ok", "meet": "ok"}, {"max": "ok", "meet": "ok"}, [SAME]),
        ({"max": "ok", "meet": "impaired"}, {"max": "ok", "meet": "insufficient"}, [SAME]),
        ({"max": "ok", "meet": "ok"}, {"max": "ok", "meet": "insufficient"}, [UNTOLD.format("Google Meet")]),
        ({"max": "ok", "meet": "ok"}, {}, [UNTOLD.format("Max, Google Meet")]),
        ({"meet": "ok"}, {"max": "restricted", "meet": "insufficient"}, [FOUND, UNTOLD.format("Google Meet")]),
    ],
)
def test_a_tick_over_one_version_of_ip_is_not_told_for_both(
    over_ipv6: dict[str, str], over_ipv4: dict[str, str], told: list[str]
) -> None:
    """Where the other one is found, the app's verdict is that of the other one."""
    others = [verdict(app, state, 4) for app, state in over_ipv4.items()]
    first = [verdict(app, state, 6) for app, state in over_ipv6.items()]
    held = [one for one in others if one["state"] == "restricted"]
    record = {
        "family": 6,
        "vpn": False,
        "simulated": False,
        "verdicts": held + first,
        "other_family": {"family": 4, "verdicts": others},
    }
    assert family_lines(record) == told
