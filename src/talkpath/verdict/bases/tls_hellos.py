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
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.tls_names import RESET_FAILURES, name_ends, unaccepted_hosts

REPEATS, SERVERS = 6, 2
PADDED, PADDED_REPEATS = "tls.padded", REPEATS - 1  # it is asked once the two have parted
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
    sure = [
        each for each in found if not each.doubt and (each.bound_to != "both" or _like_hosts(each, found) >= SERVERS)
    ]
    return next(iter(sure), None) or next((each._replace(doubt=each.doubt or "refused") for each in found), None)


def _like_hosts(one: HeldBackHello, found: Sequence[HeldBackHello]) -> int:
    """How many hosts of the app show the same."""
    return sum((each.hello, each.bound_to, each.doubt) == (one.hello, one.bound_to, "") for each in found)


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
