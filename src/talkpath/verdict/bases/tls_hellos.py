"""Says whether one client's first TLS message is held back while another's is answered (`tls.hello_drop`).

The same host is asked with two ClientHellos, and so is a neutral host beside it. A host that answers one of them each
time is alive, and reached; what never answers the other one beside it, in REPEATS tries, tells the two apart by their
bytes. An overloaded host answers now one, now the other.

A browser's ClientHello is longer than a packet, OpenSSL's is not. A path that takes no packets of full size and does
not say so, a box or a server that cannot bear a ClientHello in two segments, or its longer answer, tells them apart as
well. Where it is the browser's that dies, a third one therefore decides, OpenSSL's at the length of a browser's:

| the padded one | is said |
|---|---|
| answered each time | the browser's is held back |
| never | `long_hellos`: nothing about clients |
| now and then, or was not asked | `no_control` |

A server that hangs up on one of them, in order or with a reset, while neutral servers answer it, may mean to, as those
that take browsers alone do: `refused`. A box that resets such connections to the app alone looks the same. So does one
server that is silent: towards the app alone SERVERS of its hosts have to show it.

Where all handshakes with a host end at a certificate that this device does not accept, what answers may be a portal or
a filter. Its answers count in no contrast.

Says whether TLS handshakes are held back by the name of an app's server in them (`signalling.block`).

Neutral servers, which have nothing to do with the app, are sent the app's name and each other's, in the same rounds,
with the same ClientHello (`probe.name_contrast`). None of the names is the server's own, so a server that minds foreign
names minds all. Where each answers the other's name each time and never the app's, something on the way reads the name:
an outage of the app cannot do that, nor can a dead line. Two servers are needed, so that one operator's choice accuses
nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from talkpath.measure.facts import Exchange

NAME_STEP = "tls.name"
NAME_ROUNDS, NEUTRAL_SERVERS = 4, 2
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
    enough = len(servers) >= NEUTRAL_SERVERS and all(_was_compared(server, tries, controls) for server in servers)
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
    return len(rounds) >= NAME_ROUNDS and rounds <= {each.round for each in controls if each.host == server}


REPEATS, SERVERS = 6, 2
PADDED, PADDED_REPEATS = "tls.padded", REPEATS - 1  # it is asked once the two have diverged
HELLO_STYLES = {"tls.browser": "browser", "tls.openssl": "openssl"}
Doubt = Literal["", "long_hellos", "refused", "no_control"]


class HeldBackHello(NamedTuple):
    """Which `hello` is held back, whether towards any host ("shape") or the app's alone ("both"), and how handshakes
    that begin with it end ("silence", "reset", "" where they do not end alike). `doubt`: why its bytes may have nothing
    to do with it, "" where they have."""

    hello: str
    bound_to: str
    ends: str
    doubt: Doubt


def held_back_hello(app: str, exchanges: Sequence[Exchange]) -> HeldBackHello | None:
    """Return the ClientHello that the app's hosts never answer while they answer the other, one without a doubt first;
    None where there is none, or where it may be the host's own doing."""
    unaccepted = unaccepted_hosts(exchanges)
    exchanges = [each for each in exchanges if each.host not in unaccepted]
    hosts = dict.fromkeys(each.host for each in exchanges if each.app == app and each.kind in HELLO_STYLES)
    found = [each for host in hosts for each in _held_back_at(host, app, exchanges)]
    hosts_like = Counter((each.hello, each.bound_to, each.doubt) for each in found)
    sure = [
        each
        for each in found
        if not each.doubt and (each.bound_to != "both" or hosts_like[each.hello, each.bound_to, ""] >= SERVERS)
    ]
    return next(iter(sure), None) or next((each._replace(doubt=each.doubt or "refused") for each in found), None)


def _held_back_at(host: str, app: str, exchanges: Sequence[Exchange]) -> Iterator[HeldBackHello]:
    own = [each for each in exchanges if (each.app, each.host) == (app, host)]
    padded = [each.ok for each in own if each.kind == PADDED]
    for kind, other in (("tls.browser", "tls.openssl"), ("tls.openssl", "tls.browser")):
        tries = [each for each in own if each.kind == kind]
        beside = [each.ok for each in own if each.kind == other]
        alive = len(beside) >= REPEATS and all(beside)
        if alive and len(tries) >= REPEATS and not any(each.ok for each in tries):
            bound = _bound_to(kind, other, {each.round for each in tries}, exchanges)
            if bound:
                doubt = _padded_doubt(padded) if kind == "tls.browser" else ""
                refused = bound == "both" and any(each.failure in RESET_FAILURES for each in tries)
                yield HeldBackHello(
                    HELLO_STYLES[kind], bound, name_ends(tries), doubt or ("refused" if refused else "")
                )


def _padded_doubt(padded: Sequence[bool]) -> Doubt:
    """What the answers to the padded ClientHello leave open."""
    if len(padded) < PADDED_REPEATS or (any(padded) and not all(padded)):
        return "no_control"
    return "" if all(padded) else "long_hellos"


def _bound_to(kind: str, other: str, rounds: set[int], exchanges: Sequence[Exchange]) -> str:
    """What neutral hosts answered in the same rounds."""
    beside = [each for each in exchanges if each.neutral and each.kind == kind and each.round in rounds]
    if len({each.round for each in beside}) < len(rounds):
        return ""
    if all(each.ok for each in beside):
        return "both"
    neutral_alive = any(each.ok for each in exchanges if each.neutral and each.kind == other)
    return "shape" if neutral_alive and not any(each.ok for each in beside) else ""
