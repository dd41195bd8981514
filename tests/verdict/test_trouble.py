"""The kind of trouble: one word by state, rule and reason, and none where several kinds fit."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.verdict.model import Category, Reason, Verdict

VERDICT = Verdict("telegram", "tgcalls", "voice", "restricted", "media.drop")
BOUND = {bound: replace(VERDICT, parameters={"bound_to": Category(bound)}) for bound in ("address", "shape", "both")}


@pytest.mark.parametrize(
    ("verdict", "trouble"),
    [
        (VERDICT, "packets"),
        (replace(VERDICT, rule=None), "packets"),
        (BOUND["address"], "addresses"),
        (BOUND["shape"], "packets"),
        (BOUND["both"], "packets"),
        (replace(VERDICT, state="closed", rule="udp.block"), "packets"),
        (replace(VERDICT, state="unreachable", rule="allowlist"), "unlisted"),
        (replace(VERDICT, state="unreachable", rule="address.block"), "addresses"),
        (replace(VERDICT, state="unreachable", rule=None), None),
        (replace(VERDICT, state="impaired", rule=None), "line"),
        (replace(VERDICT, state="ok", rule=None), None),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("vpn")), "own_device"),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("vpn", {"unanswered": True})), None),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("late", {"at": "probe"})), "own_device"),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("late", {"at": "responder"})), None),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("budget")), None),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("congested")), "app"),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("outage")), None),
        (replace(VERDICT, state="insufficient", rule=None, reason=Reason("added")), None),  # here, or at the far end
    ],
)
def test_it_follows_from_the_rest(verdict: Verdict, trouble: str | None) -> None:
    assert verdict.trouble == trouble
