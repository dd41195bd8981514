"""The imitation of every arm is found, named, and measured without a fault."""

from __future__ import annotations

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.shaped_calls import packets_of, shaped_call
from talkpath.apps import shapes

SEALED_WITHOUT_SEQUENCE = "telegram/tgcalls"
MADE_OF_LOSSES = ("telegram/direct/video", "webrtc/firefox/voice")
"""Made of recordings on lines with losses too: a pause, or a late packet, is in them."""

PAUSES_BY_ITSELF = "telegram/direct/voice"
"""In every second recording the engine's voice pauses for 180 ms behind its probes."""


@pytest.mark.parametrize("arm", [str(arm) for arm in shapes()])
def test_an_arm_is_found_as_what_it_is(arm: str):
    sent = shaped_call(arm)
    (found,) = facts_of(packets_of(sent)).calls
    app, _, medium = arm.split("/")
    assert found.app == {"max": "webrtc"}.get(app, app)
    assert medium in found.media
    assert found.encrypted is True
    for recorded, direction in (("sent", "up"), ("received", "down")):
        media = [one for one in sent if one.stage == "media" and one.direction == direction]
        streams = [one for one in found.streams if one.direction == recorded and one.medium]
        if not arm.startswith((SEALED_WITHOUT_SEQUENCE, *MADE_OF_LOSSES)):
            assert sum(one.packets for one in streams) == len(media)
            assert [one.lost for one in streams] == [0] * len(streams)
        first, last = ((media[place].packet.time_ns - sent[0].packet.time_ns) / 1e9 for place in (0, -1))
        assert max(one.start_s + one.duration_s for one in streams) == pytest.approx(last, abs=0.4)
        assert min(one.start_s for one in streams) <= first + 0.01
        # Of a medium its stream: padding and repair come at odd times
        largest = {one.medium: one for one in sorted(streams, key=lambda one: one.packets)}
        assert sum(one.freezes for one in largest.values()) <= (arm in (*MADE_OF_LOSSES, PAUSES_BY_ITSELF))
