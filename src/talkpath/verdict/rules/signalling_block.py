"""`signalling.block` (M13): handshakes with an app's hosts do not complete, while neutral ones do."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Rule, no_call_shows_it

RULE = Rule(
    id="signalling.block",
    state="restricted",
    mechanisms=("M13",),
    means="Handshakes with the app's hosts do not complete.",
    shown_by=(
        "Asked three times, a host that is known to answer times out, resets the connection or shows a wrong "
        "certificate, while the same handshake with a neutral host completes. Known from exchanges with "
        "hosts, never from calls."
    ),
    explain=no_call_shows_it,
)
