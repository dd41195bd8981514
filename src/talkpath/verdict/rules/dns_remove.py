"""`dns.remove` (M12): the network's own name server does not know an app's hosts, while another one does."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Rule, no_call_shows_it

RULE = Rule(
    id="dns.remove",
    state="restricted",
    mechanisms=("M12",),
    means="The network's own name server does not know the app's hosts.",
    shown_by=(
        "Asked three times it says that there is no such name, or gives no address; another name server gives"
        " one, and the network's own answers for neutral names. That is only consistent with the rule: a name "
        "server keeps such an answer for hours if it asked while the app's own name servers failed. Known from "
        "exchanges with hosts, never from calls."
    ),
    explain=no_call_shows_it,
)
