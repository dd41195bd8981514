"""Says whether TLS handshakes are held back by the name of an app's server in them (`signalling.block`).

Neutral servers, which have nothing to do with the app, are sent the app's name and each other's, in the same rounds,
with the same ClientHello (`probe.name_contrast`). None of the names is the server's own, so a server that minds foreign
names minds all. Where each answers the other's name each time and never the app's, something on the way reads the name:
an outage of the app cannot do that, nor can a dead line. Two servers are needed, so that one operator's choice accuses
nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from talkpath.measure.facts import Exchange

NAME_STEP = "tls.name"
REPEATS, SERVERS = 4, 2
RESET_FAILURES = ("connection_reset", "eof_error")
UNACCEPTED_FAILURES = "ssl_invalid_certificate"
Act = Literal["silence", "reset", ""]


class NameReading(NamedTuple):
    """What became of one name of an app. `passes`: a neutral server answered it. `others_answered`: the app's own
    server answered a neutral name each time (None: it was not asked). `ends`: how handshakes with a held back name end,
    "" where they do not end alike."""

    name: str
    held_back: bool
    passes: bool
    others_answered: bool | None
    ends: Act


def read_names(app: str, exchanges: Sequence[Exchange]) -> list[NameReading]:
    """Return the reading of each name of the app that was said to neutral servers."""
    said = [each for each in exchanges if each.kind == NAME_STEP]
    own = dict.fromkeys(each.host for each in exchanges if each.app == app)
    neutral = {each.host for each in said if each.neutral}
    asked = [name for name in own if any(each.neutral and each.name == name for each in said)]
    return [_read_name(name, said, neutral) for name in asked]


def unaccepted_hosts(exchanges: Sequence[Exchange]) -> set[str]:
    """Return the hosts whose handshakes all ended at a certificate that this device does not accept."""
    shaken = [each for each in exchanges if each.kind == "tls"]
    accepted = {each.host for each in shaken if each.failure != UNACCEPTED_FAILURES}
    return {each.host for each in shaken} - accepted


def name_ends(tries: Sequence[Exchange]) -> Act:
    """Return how these ended, none of which was answered."""
    if all(each.failure in RESET_FAILURES for each in tries):
        return "reset"
    return "silence" if all(each.failure == "generic_timeout_error" for each in tries) else ""


def _read_name(name: str, said: Sequence[Exchange], neutral: set[str]) -> NameReading:
    tries = [each for each in said if each.neutral and each.name == name]
    servers = {each.host for each in tries}
    controls = [each for each in said if each.neutral and each.name in neutral]
    enough = len(servers) >= SERVERS and all(_was_compared(server, tries, controls) for server in servers)
    at_home = [each.ok for each in said if each.host == name and each.name in neutral]
    return NameReading(
        name=name,
        held_back=enough and not any(each.ok for each in tries) and all(each.ok for each in controls),
        passes=any(each.ok for each in tries),
        others_answered=all(at_home) if at_home else None,
        ends=name_ends(tries),
    )


def _was_compared(server: str, tries: Sequence[Exchange], controls: Sequence[Exchange]) -> bool:
    """Whether the server was asked with that name often enough, and beside it with another each time."""
    rounds = {each.round for each in tries if each.host == server}
    return len(rounds) >= REPEATS and rounds <= {each.round for each in controls if each.host == server}
