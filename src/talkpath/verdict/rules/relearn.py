"""`relearn` (M14): a test server is blocked some minutes after the first calls to it."""

from __future__ import annotations

from talkpath.verdict.rules.rule import Parameter, Rule, no_call_shows_it

RULE = Rule(
    "relearn",
    "restricted",
    ("M14",),
    "Calls to a server are held back some time after the first ones.",
    "The first check is well, every one after a while is not, and a server that was never called before still is. "
    "Known from checks that follow one another (`watch`), never from one.",
    no_call_shows_it,
    parameters=(Parameter("after_s", "s", "from the first call to that server"),),
)
