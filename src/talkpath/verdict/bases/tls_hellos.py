"""Says whether one client's first TLS message is held back while another's is answered (`tls.hello_drop`).

The same host is asked with two ClientHellos, and so is a neutral host beside it. A host that answers one of them each
time is alive, and reached; what never answers the other one beside it, in REPEATS tries, tells the two apart by their
bytes. An overloaded host answers now one, now the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talkpath.measure.facts import Exchange
from talkpath.verdict.bases.tls_names import ends

REPEATS = 6
HELLOS = {"tls.browser": "browser", "tls.openssl": "openssl"}


class HeldBackHello(NamedTuple):
    """Which `hello` is held back, whether towards any host ("shape") or the app's alone ("both"), and how handshakes
    that begin with it end ("silence", "reset", "" where they do not end alike)."""

    hello: str
    bound_to: str
    ends: str


def held_back_hello(app: str, exchanges: Sequence[Exchange]) -> HeldBackHello | None:
    """Return the ClientHello that the app's hosts never answer while they answer the other; None where there is none,
    or where it may be the host's own doing."""
    own = [each for each in exchanges if each.app == app and each.kind in HELLOS]
    for host in dict.fromkeys(each.host for each in own):
        for kind, other in (("tls.browser", "tls.openssl"), ("tls.openssl", "tls.browser")):
            tries = [each for each in own if (each.host, each.kind) == (host, kind)]
            beside = [each.ok for each in own if (each.host, each.kind) == (host, other)]
            alive = len(beside) >= REPEATS and all(beside)
            if alive and len(tries) >= REPEATS and not any(each.ok for each in tries):
                bound = _bound_to(kind, other, {each.round for each in tries}, exchanges)
                if bound:
                    return HeldBackHello(HELLOS[kind], bound, ends(tries))
    return None


def _bound_to(kind: str, other: str, rounds: set[int], exchanges: Sequence[Exchange]) -> str:
    """What neutral hosts answered in the same rounds."""
    beside = [each for each in exchanges if each.neutral and each.kind == kind and each.round in rounds]
    if len({each.round for each in beside}) < len(rounds):
        return ""
    if all(each.ok for each in beside):
        return "both"
    neutral_alive = any(each.ok for each in exchanges if each.neutral and each.kind == other)
    return "shape" if neutral_alive and not any(each.ok for each in beside) else ""
