"""Nothing about when a packet leaves tells of its flow's role: within a block, first and last are drawn by lot."""

from __future__ import annotations

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.experiment.layout import lay_out
from talkpath.wire.control.messages import Begin

ARM = Arm("webrtc", "dtls", "voice")
PORTS = tuple(range(3000, 3016))
EPOCHS, K, PACKETS = 30, 4, 20


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("place", [0, -1])
def test_calls_leave_first_and_last_as_often_as_their_share(direction: Direction, place: int) -> None:
    """Of ten flows four are calls: over some 600 blocks within 4 standard deviations."""
    assert ARM in shapes()
    calls = blocks = 0
    for number in range(EPOCHS):
        layout = lay_out(bytes(32), Begin(number, str(ARM), K, PACKETS, 0, 120), PORTS)
        due = layout.plan_of(direction).due_ms
        for bit in range(len(due[0])):
            flow = sorted(range(len(due)), key=lambda flow: due[flow][bit])[place]
            calls += layout.flows[flow].role == "call"
            blocks += 1
    share = K / len(layout.flows)
    assert abs(calls - share * blocks) < 4 * (share * (1 - share) * blocks) ** 0.5
