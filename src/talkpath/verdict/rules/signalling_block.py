"""`signalling.block` (M13): TLS handshakes that name an app's hosts do not complete, also with other hosts."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Parameter, Rule, no_call_shows_it

RULE = Rule(
    id="signalling.block",
    state="restricted",
    mechanisms=("M13",),
    means="TLS handshakes are held back by the name of the app's host in them.",
    shown_by=(
        "Two neutral hosts at least never answer a first TLS message with the app's name in it, in four tries each, "
        "and answer the same message with each other's name every time. That the app's own hosts do not answer does "
        "not show it: they may be down. Known from exchanges with hosts, never from calls."
    ),
    explain=no_call_shows_it,
    parameters=(
        Parameter("bound_to", "", "`name`: the name alone, whatever the address"),
        Parameter("ends", "", "`silence` or `reset`: how all such handshakes end; left out where not alike"),
    ),
)
