"""`relearn` (M14): a test server is blocked some minutes after the first calls to it."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Parameter, Rule, no_call_shows_it

RULE = Rule(
    id="relearn",
    state="restricted",
    mechanisms=("M14",),
    means="Calls to a server are held back some time after the first ones.",
    shown_by=(
        "The first check is well, every one after a while is not, and a server that was never called before still is. "
        "Known from checks that follow one another (`watch`), never from one."
    ),
    explain=no_call_shows_it,
    parameters=(Parameter("after_s", "s", "from the first call to that server"),),
)
