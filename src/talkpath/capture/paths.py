"""What kind of path each flow is, where the media went last, and whether it was encrypted on the wire."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from talkpath.apps import apps
from talkpath.capture.recognise import Known
from talkpath.capture.stitch import Ends

Path = Literal["relay", "peer", "local"]
RELAYING = {"stun.allocate", "stun.allocate_response", "stun.allocate_error", "stun.channel", "stun.permission"}
RELAYED_PORTS = 3
TURN_SHARE = 0.05
"""Sealed media looks like ChannelData once in 60 000 packets."""

BLOCKS = {0: 80, 8: 80, 18: 10, 9: 80}
"""Payload types whose plain payload is a multiple of so many bytes: 10 ms of G.711, G.722 and G.729."""


def path_of(flow: int, known: Known | None, table: NDArray[np.void], where: Ends, checks: bool) -> Path | None:
    """Relay where TURN or an app's server was seen, peer where both ends checked each other, else None.

    `checks`: the app uses ICE, so that a far end that answers checks and sends none is a server.
    """
    row, local = table[flow], int(where.local[flow])
    asked_for = known is not None and (known.setups & RELAYING or _said(known) == "relay")
    if asked_for or row["turn"] > TURN_SHARE * row["packets"].sum():
        return "relay"
    peer: Path = "local" if row["private"].all() else "peer"
    if known is not None and (_said(known) == "p2p" or known.view.setup == "telegram.reflector"):
        return peer if _said(known) != "relay" and not known.stitches else "relay"
    asked = row["requests"]
    if asked[1 - local]:
        return peer
    return "relay" if checks and asked[local] and row["answers"][1 - local] else None


def relayed_peer(known: list[Known]) -> bool:
    """Is the peer behind a relay of its own? It then has no address but the relay's, and several ports there."""
    ports: dict[bytes, set[bytes]] = {}
    for flow in known:
        for address, port in flow.peers:
            ports.setdefault(address, set()).add(port)
    return len(ports) == 1 and len(next(iter(ports.values()))) >= RELAYED_PORTS


def _said(known: Known) -> str:
    """What a recogniser noted about the path."""
    said = [str(notes.get("path", "")) for notes in known.notes.values()]
    return next((text for text in said if text), "")


def encrypted(app: str, payload_type: int | None, sizes: NDArray[np.int64], dtls: bool) -> bool | None:
    """Was the media encrypted? By DTLS, by what is known of the app, by payload sizes that leave no room for a tag."""
    if dtls:
        return True
    if app in apps():
        module = import_module(f"talkpath.apps.{app}")
        said: bool | None = getattr(module, "ENCRYPTED", True if apps()[app].shapes else None)
        if said is not None:
            return said
    block = BLOCKS.get(-1 if payload_type is None else payload_type)
    if block is None or not len(sizes):
        return None
    plain = float(np.mean((sizes - 12) % block == 0))
    return False if plain > 0.8 else True if plain < 0.1 else None
