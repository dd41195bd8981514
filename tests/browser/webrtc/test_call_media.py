"""Every packet of a call has the size that its medium says, so that a twin's can have the same."""

from __future__ import annotations

import pytest

from talkpath.browser.webrtc.call_media import (
    MEDIA_BY_NAME,
    PAYLOAD_BYTES,
    PICTURE_BYTES,
    TICK_MS,
    CallMedium,
    opus_tone,
    packets_of,
    vp8_key_frame,
)


def test_a_second_of_the_tone_has_equal_packets():
    assert len(opus_tone()) == 1000 // TICK_MS
    assert {len(packet) for packet in opus_tone()} == {PAYLOAD_BYTES}


def test_the_picture_is_one_padded_key_frame():
    (frame,) = vp8_key_frame()
    assert len(frame) == PICTURE_BYTES
    assert frame[0] & 1 == 0  # a key frame (RFC 6386 section 9.1)


@pytest.mark.parametrize(("medium", "codec"), [("voice", "libopus"), ("video", "vp8")])
def test_what_is_sent_can_be_decoded(medium: str, codec: str):
    av = pytest.importorskip("av")
    decoder = av.CodecContext.create(codec, "r")
    frames = [frame for packet in packets_of(MEDIA_BY_NAME[medium]) for frame in decoder.decode(av.Packet(packet))]
    if medium == "video":
        assert [(frame.width, frame.height) for frame in frames] == [(64, 48)]
    else:
        assert sum(frame.samples for frame in frames) >= 0.95 * 48_000
        assert max(abs(frame.to_ndarray()).max() for frame in frames) > 0.05  # it sounds


@pytest.mark.parametrize("medium", MEDIA_BY_NAME.values(), ids=MEDIA_BY_NAME)
def test_a_medium_keeps_its_budget(medium: CallMedium):
    twins = 16  # flows of an epoch, each way
    assert 3 * 2 * twins * medium.slots * (medium.wire_bytes + 28) < medium.budget_bytes
