"""Asking which transports carry a call: all side by side, each 5-tuple new, though the port is given."""

from __future__ import annotations

from collections import Counter

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.layout import PATH_LOCALS, lay_out
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import TransportPaths

PORTS = (3478, 443, *range(3000, 3014))
PATHS = ("udp/3478", "udp/443", "tcp/443", "tls/443", "wss/443")
ARM = Arm("webrtc", "dtls", "voice")
LOCALS = 51


def begin(number: int, first_tuple: int, arm: Arm = ARM, paths: tuple[str, ...] = PATHS) -> Begin:
    return Begin(number, str(arm), 2, 12, first_tuple, LOCALS, question=TransportPaths(paths))


@pytest.mark.parametrize("arm", sorted(shapes()), ids=str)
def test_every_path_gets_k_calls_and_nothing_else(arm: Arm) -> None:
    layout = lay_out(bytes(32), begin(7, 100, arm), PORTS)
    assert Counter(flow.transport for flow in layout.flows) == dict.fromkeys(PATHS, 2)
    assert {flow.role for flow in layout.flows} == {"call"}
    assert all(flow.transport.endswith(f"/{flow.port}") for flow in layout.flows)


def test_no_5_tuple_is_used_twice_in_a_check() -> None:
    """A network remembers what it saw on a 5-tuple: a call there is judged by what went before."""
    used: Counter[tuple[int, int]] = Counter()
    count = 0
    for number in range(30):
        baseline = Begin(number, str(ARM), 8, 12, count, LOCALS)
        layout = lay_out(bytes(32), baseline, PORTS)
        count += len(layout.flows)
        used.update((flow.local, flow.port) for flow in layout.flows)
    for number in range(30, 30 + PATH_LOCALS // 2):
        layout = lay_out(bytes(32), begin(number, count), PORTS)
        count += len(layout.flows)
        used.update((flow.local, flow.port) for flow in layout.flows if flow.transport.startswith("udp"))
    assert max(used.values()) == 1
    assert max(local for local, _ in used) < LOCALS + PATH_LOCALS
