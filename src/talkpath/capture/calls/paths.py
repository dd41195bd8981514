"""Tells the kind of path of each flow (relay, peer, local), and whether media was encrypted on the wire."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talkpath.apps import app_modules
from talkpath.capture.calls.hosting import is_hosting
from talkpath.capture.calls.stitch import FlowEnds
from talkpath.capture.packets.flows import address_of_end
from talkpath.capture.recognise.evidence import KnownFlow

FlowRoute = Literal["relay", "peer", "local"]
RELAYING = {"stun.allocate", "stun.allocate_response", "stun.allocate_error", "stun.channel", "stun.permission"}
RELAYED_PORTS = 3
SERVER_PORTS = (3478, 3479, 5349, *range(19302, 19310))
LONGEST_NAME = 32
APPS_WITHOUT_ICE = ("unknown", "rtp", "sip")
"""Apps that do not check paths by ICE."""

FEWEST_SERVER_CHECKS = 3
"""An end that answered so many checks and sent none, or whose call was captured from its beginning, is a server."""
TURN_SHARE = 0.05
"""Encrypted media looks like ChannelData once in 60 000 packets."""

PLAIN_BLOCKS = {0: "eighties", 8: "eighties", 18: "tens", 9: "eighties"}
"""Payload types whose plain payload is a multiple of so many bytes: 10 ms of G.711, G.722 and G.729."""


def route_of_flow(
    flow: int, known: KnownFlow | None, table: NDArray[np.void], ends: FlowEnds, app: str
) -> FlowRoute | None:
    """Return relay where TURN or the app's server was seen, peer where both ends checked each other, else None.

    Where the app uses ICE, a far end that answers checks and sends none is a server. One in a hosting company's network
    that sends some may be a server too, or the peer's relay.
    """
    row, local = table[flow], int(ends.local[flow])
    noted = known.notes.get(app, {}).get("path") if known is not None else None
    asked_for = noted == "relay" or (known is not None and known.setups & RELAYING)
    if asked_for or row["turn"] > TURN_SHARE * row["packets"].sum():
        return "relay"
    peer: FlowRoute = "local" if row["private"].all() else "peer"
    if noted == "p2p":
        return peer
    if known is not None and known.view.setup == "telegram.reflector":
        return "relay" if known.stitches else peer
    asked, far = row["requests"], address_of_end(row, 1 - local)
    if asked[1 - local] and not row["private"][1 - local] and (far.port < 1024 or far.port in SERVER_PORTS):
        return "relay"
    if asked[1 - local]:
        return peer if peer == "local" or not is_hosting(far) else None
    watched = asked[local] >= FEWEST_SERVER_CHECKS or bool(row["hellos"].any())
    return "relay" if app not in APPS_WITHOUT_ICE and watched and row["answers"][1 - local] else None


def has_server_names(known: list[KnownFlow]) -> bool:
    """Does an ICE session have names such as only servers make? Those of phones and browsers have four or eight letters
    at either end."""
    lengths = [sorted(map(len, names)) for flow in known for names in flow.sessions]
    return any(long > LONGEST_NAME or (short != long and (short, long) != (4, 8)) for short, long in lengths)


def has_several_ports(flows: list[int], table: NDArray[np.void], ends: FlowEnds) -> bool:
    """Did one local socket hear of one far address from several ports? A server has such, or a peer with two networks
    behind one router."""
    heard = [flow for flow in flows if table["packets"][flow, 1 - ends.local[flow]]]
    pairs = [(int(ends.socket[flow]), int(ends.far_host[flow])) for flow in heard]
    return len(set(pairs)) < len(pairs)


def is_peer_relayed(known: list[KnownFlow]) -> bool:
    """Is the peer behind a relay of its own? It then has no address but the relay's, and several ports there."""
    ports: dict[bytes, set[bytes]] = {}
    for flow in known:
        for host, port in flow.peers:
            ports.setdefault(host, set()).add(port)
    return len(ports) == 1 and len(next(iter(ports.values()))) >= RELAYED_PORTS


def is_encrypted(app: str, voices: NDArray[np.void], dtls: bool) -> bool | None:
    """Was the media encrypted? Told by DTLS, by what is known of the app, or by payload sizes that leave no room for a
    tag. `voices` are the figures of voice streams with a header."""
    if dtls:
        return True
    module = app_modules().get(app)
    known: bool | None = getattr(module, "ENCRYPTED", True if module and module.APP.shapes else None)
    if known is not None:
        return known
    block = PLAIN_BLOCKS.get(int(voices["first_type"][0])) if len(voices) else None
    if block is None:
        return None
    plain = float(voices[block].sum() / voices["rows"].sum())
    return False if plain > 0.8 else True if plain < 0.1 else None
