"""`tls.hello_drop` (M21): one client's first TLS message is held back, another's to the same host is answered."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Parameter, Rule, no_call_shows_it

RULE = Rule(
    id="tls.hello_drop",
    state="restricted",
    mechanisms=("M21",),
    means="The first message of a TLS handshake is held back by how one kind of client writes it.",
    shown_by=(
        "A host that answers one client's message each time never answers another's, in six tries of both. Where that "
        "is a browser's, which is longer than a packet, it answers one of OpenSSL's of the same length each time. A "
        "neutral host is asked the same beside it; where that answers, two hosts of the app have to show it. Known "
        "from exchanges with hosts, never from calls."
    ),
    explain=no_call_shows_it,
    parameters=(
        Parameter("hello", "", "whose message is held back: `browser` or `openssl`"),
        Parameter("bound_to", "", "`shape` where neutral hosts do not answer it either, `both` where they do"),
        Parameter("ends", "", "`silence` or `reset`: how all such handshakes end; left out where not alike"),
    ),
)
