"""A worse network, with known losses, freezes, delays and copies: what is counted is what was done."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from factories.packets.altered_captures import facts_of, udp_payload
from factories.packets.capture_files import Packet
from factories.packets.shaped_calls import BEGIN_NS, Sent, background_traffic, packets_of, shaped_call
from talkpath.measure.call import Call, Stream
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.verdict.bases.recorded_call import judge_call

SILENT = ["whatsapp/relay60/voice", "meet/sfu/voice"]
VOICES = [*SILENT, "whatsapp/fast20/voice", "webrtc/dtls/voice", "signal/ringrtc/voice"]
VIDEOS = ["whatsapp/relay60/video", "webrtc/dtls/video"]
VIDEO_BUCKETS = (10_000, 16_000, 56_000)
"""What policers let through at once (56 000: a second and a half of 300 kbit/s). A bucket of one packet is no ceiling
for video: it takes all of a frame but its first packet, whatever the rate, and spares small packets."""


def is_down(one: Sent) -> bool:
    return one.direction == "down" and one.stage == "media"


def stream_of(one: Sent) -> bytes:
    """The bytes where the SSRC lies, also in a reflector's frame; sealed media is one stream."""
    data = udp_payload(one.packet)
    return data[8:12] if data[0] >> 6 == 2 else data[32:36] if data[20:22] == b"\0\0" else b""


def received(found: Call) -> list[Stream]:
    return [one for one in found.streams if one.direction == "received" and one.medium]


def only_call(packets: list[Packet]) -> Call:
    (found,) = facts_of(packets).calls
    return found


def inner_losses(sent: list[Sent], lost: Callable[[int], bool]) -> tuple[list[Sent], int]:
    """Without the media packets towards the caller whose number `lost` names; both ends of each stream always pass."""
    gone: set[int] = set()
    streams: dict[bytes, list[Sent]] = {}
    for one in sent:
        if is_down(one):
            streams.setdefault(stream_of(one), []).append(one)
    for stream in streams.values():
        gone |= {id(one) for number, one in enumerate(stream[5:-5]) if lost(number)}
    return [one for one in sent if id(one) not in gone], len(gone)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("arm", [*VOICES, *VIDEOS, "telegram/reflector/voice"])
def test_losses_are_counted_packet_for_packet(arm: str, share: float):
    rng = Random(f"{arm}{share}")
    left, gone = inner_losses(shaped_call(arm), lambda _: rng.random() < share)
    found = only_call(packets_of(left))
    assert sum(one.lost or 0 for one in received(found)) == gone
    assert sum(one.lost or 0 for one in found.streams if one.direction == "sent") == 0
    assert sum(moment.received.lost or 0 for moment in found.seconds) == gone


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_losses_by_cadence(share: float):
    rng = Random(3)
    left, gone = inner_losses(shaped_call("telegram/libtgvoip/voice"), lambda _: rng.random() < share)
    (stream,) = received(only_call(packets_of(left)))
    assert stream.loss_basis == "cadence"
    assert stream.lost == pytest.approx(gone, rel=0.05, abs=1)


def test_worse_loss_sounds_worse():
    marks = []
    for share in (0.0, 0.02, 0.05, 0.1, 0.3):
        rng = Random(7)
        left, _ = inner_losses(shaped_call("webrtc/dtls/voice"), lambda _, p=share, r=rng: r.random() < p)
        marks.append(received(only_call(packets_of(left)))[0].mos)
    assert marks == sorted(marks, reverse=True)
    assert marks[0] > 4.2
    assert marks[-1] < 2.5


@pytest.mark.parametrize("arm", [*VOICES, "webrtc/dtls/video"])
@pytest.mark.parametrize(("kind", "seconds"), [("held", 0.7), ("held", 2.0), ("dropped", 0.7), ("dropped", 2.0)])
def test_one_freeze_is_one_freeze(arm: str, kind: str, seconds: float):
    """A second and a half into the talk nothing comes for a while: kept back and sent at once, or gone."""
    if arm in SILENT and kind == "dropped" and seconds < 1:
        return  # in silence a single packet falls into it
    sent = shaped_call(arm, 700)
    begin = sent[0].packet.time_ns + 1_700_000_000
    end = begin + round(seconds * 1e9)
    out = []
    for one in sent:
        at = one.packet.time_ns
        if is_down(one) and begin <= at < end:
            if kind == "held":
                out.append(Packet(end, one.packet.data))
        else:
            out.append(one.packet)
    found = only_call(sorted(out, key=lambda packet: packet.time_ns))
    worst = max(received(found), key=lambda one: one.frozen_s)
    assert worst.freezes == 1
    assert worst.mos is None or worst.mos < 4.4, "without a freeze it is 4.41"
    # in silence there is less to miss than the pause is long: one packet each 400 ms
    assert worst.frozen_s == pytest.approx(seconds, abs=0.45)
    assert all(one.freezes == 0 for one in found.streams if one.direction == "sent")


@pytest.mark.parametrize("arm", VOICES)
def test_silence_is_no_freeze(arm: str):
    for seed in range(5):
        found = only_call(packets_of(shaped_call(arm, 300, seed)))
        assert [one.freezes for one in found.streams] == [0] * len(found.streams)


@pytest.mark.parametrize("most_ms", [20.0, 80.0])
def test_jitter_is_measured(most_ms: float):
    rng = Random(11)
    out, voice = [], []
    for one in shaped_call("webrtc/dtls/voice", 1000):
        late = round(rng.uniform(0, most_ms) * 1e6) if is_down(one) else 0
        out.append(Packet(one.packet.time_ns + late, one.packet.data))
        data = udp_payload(one.packet)
        if one.direction == "down" and data[0] >> 6 == 2 and data[1] & 0x7F == 111:
            voice.append((out[-1].time_ns, int.from_bytes(data[2:4], "big")))
    first = voice[0][1]
    numbers = [(number - first) & 0xFFFF for _, number in sorted(voice)]
    (stream,) = received(only_call(sorted(out, key=lambda packet: packet.time_ns)))
    # two uniform delays differ by a third of their span on average; packets that overtake each other are left out
    assert stream.jitter_ms == pytest.approx(most_ms / 3, rel=0.25)
    assert stream.lost == 0
    # an engine's packets are 20 ms apart on average, and sometimes less
    assert stream.reordered == sum(one < max(numbers[:at], default=0) for at, one in enumerate(numbers)) > 0


def test_jitter_sounds_worse():
    marks = []
    for most_ms in (0.0, 100.0, 300.0):
        rng = Random(11)
        out = [
            Packet(one.packet.time_ns + is_down(one) * round(rng.uniform(0, most_ms) * 1e6), one.packet.data)
            for one in shaped_call("webrtc/dtls/voice", 1000)
        ]
        marks.append(received(only_call(sorted(out, key=lambda packet: packet.time_ns)))[0].mos)
    assert marks[0] > marks[1] > marks[2]


def test_copies_are_no_packets():
    plain = packets_of(shaped_call("whatsapp/fast20/voice"))
    twice = [copy for packet in plain for copy in (packet, Packet(packet.time_ns + 300_000, packet.data))]
    for before, after in zip(facts_of(plain).calls[0].streams, facts_of(twice).calls[0].streams, strict=True):
        assert (after.packets, after.lost, after.freezes) == (before.packets, before.lost, before.freezes)
        assert after.duplicates == 0
    plain = packets_of(shaped_call("telegram/libtgvoip/voice"))
    twice = [copy for packet in plain for copy in (packet, Packet(packet.time_ns + 300_000, packet.data))]
    assert [one.packets for one in facts_of(twice).calls[0].streams] == [400, 400]


def test_an_unsorted_file_is_the_same_call():
    plain = packets_of(shaped_call("whatsapp/relay60/voice"))
    shuffled = list(plain)
    Random(4).shuffle(shuffled)
    one, other = only_call(plain), only_call(shuffled)
    assert (one.app, one.media, one.transport) == (other.app, other.media, other.transport)
    for before, after in zip(one.streams, other.streams, strict=True):
        for name in before.__struct_fields__:
            assert getattr(after, name) == pytest.approx(getattr(before, name)), name


@pytest.mark.parametrize("arm", ["whatsapp/fast20/voice", "webrtc/dtls/voice", "telegram/libtgvoip/voice"])
def test_one_way(arm: str):
    sent = shaped_call(arm)
    found = only_call(packets_of([one for one in sent if not is_down(one)]))
    assert not received(found)
    assert {one.direction for one in found.streams if one.medium} == {"sent"}
    assert judge_call(found).state == "insufficient"


def test_a_call_that_dies_while_the_rest_goes_on():
    """All that comes on the call's flow ends after 60 media packets; the caller talks on; other traffic goes on."""
    sent = shaped_call("whatsapp/fast20/voice", 600)
    down = [one for one in sent if is_down(one)]
    dead_ns = down[60].packet.time_ns
    left = [one for one in sent if one.direction == "up" or one.packet.time_ns < dead_ns]
    found = only_call(sorted([*packets_of(left), *background_traffic(14.0)], key=lambda packet: packet.time_ns))
    verdict = judge_call(found)
    assert (verdict.state, verdict.direction, verdict.alternatives[0]) == ("insufficient", "down", "media.freeze")
    assert verdict.reason is not None
    assert verdict.reason.code == "no_control"
    alone = only_call(packets_of(left))
    assert judge_call(alone).alternatives == ()


def test_loss_flat_against_rate():
    rng = Random(2)
    left, _ = inner_losses(shaped_call("whatsapp/relay60/video", 1500), lambda _: rng.random() < 0.3)
    verdict = judge_call(only_call(packets_of(left)))
    assert verdict.alternatives == ("media.drop",)
    share = verdict.parameters["p"]
    assert share.low <= 0.3 <= share.high


@pytest.mark.parametrize(
    ("arm", "kbps", "bucket"),
    [
        *((*of, bucket) for of in (("meet/sfu/video", 150), ("webrtc/dtls/video", 300)) for bucket in VIDEO_BUCKETS),
        *(
            (*of, bucket)
            for of in (
                ("webrtc/dtls/voice", 20),
                ("signal/ringrtc/voice", 40),
                ("telegram/libtgvoip/voice", 24),
                ("whatsapp/fast20/voice", 12),
            )
            for bucket in (1600, 16_000)
        ),
    ],
)
def test_a_ceiling_is_told_with_its_rate(arm: str, kbps: int, bucket: int):
    verdict = judge_call(only_call(packets_of(policed(shaped_call(arm, 3000), kbps, bucket))))
    assert verdict.alternatives[0] == "media.police"
    assert verdict.parameters["kbps"].estimate == pytest.approx(kbps, rel=0.04)


@pytest.mark.parametrize("arm", ["meet/sfu/video", "webrtc/dtls/video", "signal/ringrtc/video"])
@pytest.mark.parametrize("kbps", [100, 150, 200, 250])
def test_pictures_of_which_hardly_two_packets_in_a_row_come_are_a_stream_that_loses_them(arm: str, kbps: int):
    """A bucket of one packet: sequence numbers advance by those of a picture, as a clock's do."""
    found = only_call(packets_of(policed(shaped_call(arm, 2000), kbps, 1600)))
    (pictures,) = [one for one in received(found) if one.medium == "video" and (one.lost or 0) > 100]
    assert pictures.packets < pictures.lost
    assert call_outcome(found).kind == "poor"


def policed(sent: list[Sent], kbps: float, bucket: int) -> list[Sent]:
    """A token bucket (bytes) on IP bytes towards the caller."""
    tokens, at_ns, out = float(bucket), sent[0].packet.time_ns, []
    for one in sent:
        if is_down(one):
            tokens = min(float(bucket), tokens + (one.packet.time_ns - at_ns) * kbps / 8e6)
            at_ns = one.packet.time_ns
            if tokens < len(one.packet.data):
                continue
            tokens -= len(one.packet.data)
        out.append(one)
    return out


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("arm", [*VIDEOS, "meet/sfu/video", "webrtc/dtls/voice", "signal/ringrtc/voice"])
def test_chance_is_no_ceiling_and_spares_no_medium(arm: str, share: float):
    """Losses in bursts of three on average, as radio links have them."""
    rng, bad = Random(f"{arm}{share}"), False

    def lost(_: int) -> bool:
        nonlocal bad
        bad = rng.random() < (2 / 3 if bad else share / (1 - share) / 3)
        return bad

    left, _ = inner_losses(shaped_call(arm, 2500), lost)
    assert judge_call(only_call(packets_of(left))).alternatives == ("media.drop",)


@pytest.mark.parametrize("kept", [True, False], ids=["held", "dropped"])
@pytest.mark.parametrize("arm", ["telegram/tgcalls/voice", "telegram/tgcalls/video"])
def test_freezes_without_a_header_or_a_beat(arm: str, kept: bool):
    """0.7 and 1.3 s without anything are seen in a stream that has packets all the time; a clean call has none."""
    sent = shaped_call(arm, 900)
    assert sum(one.freezes for one in only_call(packets_of(sent)).streams) == 0
    out = []
    for one in sent:
        ends = [BEGIN_NS + round((begin + lasts) * 1e9) for begin, lasts in ((4.0, 0.7), (7.0, 1.3))
                if BEGIN_NS + begin * 1e9 <= one.packet.time_ns < BEGIN_NS + (begin + lasts) * 1e9]  # fmt: skip
        if one.direction == "up" or not ends:
            out.append(one.packet)
        elif kept:
            out.append(Packet(ends[0], one.packet.data))
    found = only_call(sorted(out, key=lambda packet: packet.time_ns))
    worst = max(received(found), key=lambda one: one.frozen_s)
    assert (worst.freezes, worst.frozen_s) == (2, pytest.approx(2.0, abs=0.25))
    assert sum(one.freezes for one in found.streams if one.direction == "sent") == 0


def test_where_losses_cannot_be_told_nothing_is_ok():
    verdict = judge_call(only_call(packets_of(shaped_call("telegram/tgcalls/video", 900))))
    assert (verdict.state, verdict.reason.code) == ("insufficient", "no_control")


def test_what_was_spoilt_before_it_left_is_not_ok_and_fits_no_rule():
    rng = Random(11)
    sent = [one for one in shaped_call("webrtc/dtls/voice", 600) if is_down(one) or rng.random() > 0.3]
    verdict = judge_call(only_call(packets_of(sent)))
    assert (verdict.state, verdict.alternatives) == ("insufficient", ())
    assert verdict.figures["loss_up_pct"] == pytest.approx(30, abs=5)
    assert verdict.figures["loss_down_pct"] == 0


@pytest.mark.parametrize("dead", [is_down, lambda one: not is_down(one)], ids=["heard", "said"])
def test_a_direction_that_dies_in_mid_talk_is_not_ok(dead: Callable[[Sent], bool]):
    sent = shaped_call("webrtc/dtls/voice", 600)
    half_ns = sent[len(sent) // 2].packet.time_ns
    verdict = judge_call(only_call(packets_of([one for one in sent if one.packet.time_ns < half_ns or not dead(one)])))
    assert (verdict.state, verdict.reason.code) == ("insufficient", "no_control")


def test_a_good_call_is_ok():
    verdict = judge_call(only_call(packets_of(shaped_call("webrtc/dtls/voice", 600))))
    assert (verdict.state, verdict.reason, verdict.alternatives) == ("ok", None, ())
    assert judge_call(only_call(packets_of(shaped_call("webrtc/dtls/voice", 60)))).reason.code == "short_capture"
