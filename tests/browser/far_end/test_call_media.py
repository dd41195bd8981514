"""Every packet of a call has the size that its medium says, so that a twin's can have the same."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("av")

from talkpath.browser.far_end.call_media import (
    MEDIA,
    PAYLOAD_BYTES,
    PICTURE_BYTES,
    TICK_MS,
    Medium,
    make_source,
    opus_tone,
    vp8_key_frame,
)


def test_a_second_of_the_tone_has_equal_packets():
    assert len(opus_tone()) == 1000 // TICK_MS
    assert {len(packet) for packet in opus_tone()} == {PAYLOAD_BYTES}


def test_the_picture_is_one_padded_key_frame():
    (frame,) = vp8_key_frame()
    assert len(frame) == PICTURE_BYTES
    assert frame[0] & 1 == 0  # a key frame (RFC 6386 section 9.1)


@pytest.mark.parametrize("medium", MEDIA.values(), ids=MEDIA)
def test_a_medium_keeps_its_budget(medium: Medium):
    twins = 16  # flows of an epoch, each way
    assert 3 * 2 * twins * medium.slots * (medium.wire_bytes + 28) < medium.budget_bytes


def test_a_source_sends_one_packet_a_tick_and_none_before_it_is_asked():
    async def play() -> list[int]:
        source = make_source("audio")
        source.tick(0)  # nobody listens yet
        asking = asyncio.create_task(source.next_packet())
        await asyncio.sleep(0)
        source.tick(7)
        packet = await asking
        assert (packet.pts, bytes(packet)) == (7, opus_tone()[7])
        return source.sent

    assert asyncio.run(play()) == [7]
