"""The welcome of a test server, with changes."""

from __future__ import annotations

from typing import Any

from talkpath.wire.control.messages import PROTOCOL_VERSION, Welcome


def welcome_with(**changes: Any) -> Welcome:
    """A welcome as a test server at home sends it, with other fields."""
    fields: dict[str, Any] = {
        "version": PROTOCOL_VERSION,
        "session": b"session!",
        "seed": bytes(32),
        "ports": tuple(range(3000, 3016)),
        "arms": (),
        "max_bytes": 10**7,
        "responder_class": "home",
        "network": "AS0",
        "country": "ZZ",
        "tcp_ports": (),
        "tls_ports": (),
        "wss_ports": (),
        "open_epochs": 8,
        "control_flows": 8,
        "shape_bytes": 1 << 16,
    }
    return Welcome(**fields | changes)
