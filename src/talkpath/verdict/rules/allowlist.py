"""`allowlist` (M11): only destinations on an allowlist answer."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.other_hosts import MIN_SILENT_HOSTS, other_hosts, server_is_silent
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: ArmView) -> Fit | None:
    """Fit if the responder and several hosts outside a likely allowlist are silent, while another host answers."""
    others = other_hosts(view.facts)
    unlisted = len(others.silent) >= MIN_SILENT_HOSTS and not others.replaced
    return Fit(0.0, "both") if server_is_silent(view.facts) and unlisted and others.have_answered else None


RULE = Rule(
    id="allowlist",
    state="unreachable",
    mechanisms=("M11",),
    means="Only chosen destinations answer, the far end is not among them.",
    shown_by=(
        "Connections to the test server and to at least two hosts that operating systems ask time out, while another "
        "host answers in the same minute, such as one in the person's own country. A way abroad that is down looks the "
        "same."
    ),
    explain=explain,
)
