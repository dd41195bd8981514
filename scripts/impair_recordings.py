"""Makes copies of recordings with known faults, and innocent ones, and counts how often `capture` says how they were.

    python scripts/impair_recordings.py [FOLDER OF CAPTURES...]     # tests/capture/lab, and ../shared/captures if there

Every call in which both ends talked for five seconds is copied with each fault: losses, one way, a silence, a line that
is too slow, jitter, a relay that answers no more, set-up that nothing answers. Calls made from the app files' shapes
are added. The innocent copies are those of a caller who hangs up, is muted, pauses, changes networks, or records only
a part. 1 when fewer than BAD_TOLD of the faults, or INNOCENT_TOLD of the innocent, are told for what they are.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from random import Random

from copied_recordings import (
    COOKIE,
    Original,
    Packet,
    cooked_pcap,
    original_calls,
    other_traffic,
    shaped_calls,
    udp_payload,
)
from talkpath.api.recording import read_capture
from talkpath.verdict.bases.call_outcome import Outcome, attempt_outcome, call_outcome

HERE = Path(__file__).resolve().parents[1]
FOLDERS = (HERE / "tests" / "capture" / "lab", HERE.parent / "shared" / "captures")
BAD_TOLD, INNOCENT_TOLD = 0.95, 0.99

Copy = Callable[[Original, Random], list[Packet] | None]

# ---------------------------------------------------------------- faults


def without_packets(call: Original, gone: Callable[[Packet], bool]) -> list[Packet]:
    """Return the packets without some."""
    return [packet for packet in call.packets if not gone(packet)]


def moved_packets(call: Original, later: Callable[[Packet], float | None]) -> list[Packet]:
    """Return the packets that came later by so many seconds (None: never)."""
    out = []
    for packet in call.packets:
        more = later(packet) if packet.heading == "in" else 0.0
        if more is not None:
            out.append(replace(packet, at_s=packet.at_s + more))
    return sorted(out, key=lambda one: one.at_s)


def random_loss(share: float) -> Copy:
    """Drop packets at random."""
    return lambda call, rng: without_packets(call, lambda one: one.heading == "in" and rng.random() < share)


def one_way(media_only: bool) -> Copy:
    """Let nothing of the other side come, or none of its media. Other programs still receive something: else this were
    a recording of one direction."""

    def copy(call: Original, rng: Random) -> list[Packet] | None:
        if media_only and not call.has_rtp:
            return None
        left = without_packets(call, lambda one: one.heading == "in" and (one.media or not media_only))
        return left if media_only else beside_others(call, left, rng)

    return copy


def beside_others(call: Original, left: list[Packet], rng: Random) -> list[Packet]:
    """Add traffic of other programs from beginning to end."""
    begin_s, end_s = call.packets[0].at_s, call.packets[-1].at_s
    others = [replace(one, at_s=one.at_s + begin_s) for one in other_traffic(end_s - begin_s, rng)]
    return sorted([*left, *others], key=lambda one: one.at_s)


def incoming_silence(begin: float, seconds: float) -> Copy:
    """Let nothing come for a while, or to the end."""

    def copy(call: Original, _: Random) -> list[Packet]:
        begin_s = call.moment(begin)
        return without_packets(call, lambda one: one.heading == "in" and begin_s <= one.at_s < begin_s + seconds)

    return copy


def total_outage(begin: float, seconds: float) -> Copy:
    """Let nothing at all come for a while in a long call, of other programs neither."""

    def copy(call: Original, _: Random) -> list[Packet] | None:
        begin_s = call.moment(begin)
        if call.end_s < begin_s + 2 * seconds:
            return None
        return without_packets(call, lambda one: one.heading != "out" and begin_s <= one.at_s < begin_s + seconds)

    return copy


def loss_bursts(share: float, length: float) -> Copy:
    """Drop runs of packets, of so many on average."""

    def copy(call: Original, rng: Random) -> list[Packet]:
        begins, bad = share / (1 - share) / length, False

        def gone(packet: Packet) -> bool:
            nonlocal bad
            if packet.heading == "in":
                bad = rng.random() >= 1 / length if bad else rng.random() < begins
            return bad and packet.heading == "in"

        return without_packets(call, gone)

    return copy


def rate_shaped(share: float, longest_s: float) -> Copy:
    """Hold what comes to a part of its rate, behind a queue."""

    def copy(call: Original, _: Random) -> list[Packet]:
        come = [one for one in call.packets if one.heading == "in" and call.begin_s <= one.at_s <= call.end_s]
        rate = share * sum(len(one.data) for one in come) / (call.end_s - call.begin_s)
        free_s = 0.0

        def later(packet: Packet) -> float | None:
            nonlocal free_s
            wait_s = max(free_s - packet.at_s, 0.0)
            if wait_s > longest_s:
                return None
            free_s = packet.at_s + wait_s + len(packet.data) / rate
            return free_s - packet.at_s

        return moved_packets(call, later)

    return copy


def random_jitter(most_s: float, ordered: bool) -> Copy:
    """Let each packet come later by chance, in order or not."""

    def copy(call: Original, rng: Random) -> list[Packet]:
        last_s = 0.0

        def later(packet: Packet) -> float:
            nonlocal last_s
            at_s = packet.at_s + rng.uniform(0, most_s)
            last_s = max(last_s, at_s) if ordered else at_s
            return last_s - packet.at_s

        return moved_packets(call, later)

    return copy


def unanswered_set_up(call: Original, _: Random) -> list[Packet] | None:
    """Let no answer come, and no talk begin; the caller asks again and again."""
    asked = [one for one in call.packets if one.heading == "out" and not one.media and one.at_s < call.begin_s]
    others = [one for one in call.packets if not one.heading]
    if not any(udp_payload(one.data)[4:8] == COOKIE for one in asked):
        return None
    asked = [one for one in asked if udp_payload(one.data)[4:8] == COOKIE]
    first_s = asked[0].at_s
    again = [replace(one, at_s=one.at_s + 1.6 * time) for time in range(6) for one in asked if one.at_s < first_s + 1.5]
    return sorted(again + others, key=lambda one: one.at_s)


FAULTS: dict[str, tuple[Copy, tuple[str, ...]]] = {
    "loss 5 %": (random_loss(0.06), ("poor",)),
    "loss 20 %": (random_loss(0.2), ("poor",)),
    "loss 50 %": (random_loss(0.5), ("poor", "went_silent")),
    "one way": (one_way(media_only=False), ("one_way", "never_connected")),
    "one way, media only": (one_way(media_only=True), ("one_way",)),
    "silence to the end": (incoming_silence(0.4, 1e9), ("went_silent",)),
    "silence of a fifth": (incoming_silence(0.5, 4.0), ("poor", "went_silent")),
    "nothing at all for 9 s": (total_outage(0.4, 9.0), ("poor", "went_silent")),
    "bursts of loss, 15 %": (loss_bursts(0.15, 4.0), ("poor", "went_silent")),
    "shaped to 70 %": (rate_shaped(0.7, 2.0), ("poor",)),
    "shaped to 50 %": (rate_shaped(0.5, 0.5), ("poor", "went_silent")),
    "jitter to 80 ms": (random_jitter(0.08, ordered=False), ("poor",)),
    "jitter to 80 ms, in order": (random_jitter(0.08, ordered=True), ("poor",)),
    "jitter to 250 ms": (random_jitter(0.25, ordered=True), ("poor",)),
    "no answers": (
        lambda call, rng: beside_others(call, incoming_silence(-10.0, 1e9)(call, rng) or [], rng),
        ("never_connected", "one_way"),
    ),
    "set-up unanswered": (unanswered_set_up, ("never_connected",)),
}


def hang_up(call: Original, rng: Random) -> list[Packet]:
    """End the call in the middle, while the recording goes on; the last packets cross."""
    end_s = call.moment(0.7)
    left = without_packets(
        call, lambda one: bool(one.heading) and one.at_s > end_s + (0.4 if one.heading == "out" else 0.0)
    )
    return left + other_traffic_after(call, end_s, rng)


def other_traffic_after(call: Original, end_s: float, rng: Random) -> list[Packet]:
    """Return traffic of another program for ten more seconds."""
    return [replace(one, at_s=one.at_s + max(end_s, call.packets[-1].at_s)) for one in other_traffic(10.0, rng)]


def cut_recording(begin: float, end: float) -> Copy:
    """Record a part of the call."""
    return lambda call, _: without_packets(call, lambda one: not call.moment(begin) <= one.at_s <= call.moment(end))


def muted_side(begin: float, end: float) -> Copy:
    """Mute the other side: no media, everything else, and numbers that go on without a gap."""

    def copy(call: Original, _: Random) -> list[Packet] | None:
        if not call.has_rtp or not replies_go_on(call, call.moment(begin)):
            return None
        return without_numbers(call, call.moment(begin), call.moment(end))

    return copy


def replies_go_on(call: Original, begin_s: float) -> bool:
    """Does the far end send anything but media from then on?"""
    replies = [one.at_s for one in call.packets if one.heading == "in" and not one.media and one.at_s > begin_s]
    return len(replies) >= 2 and replies[-1] - begin_s > 3


def without_numbers(call: Original, begin_s: float, end_s: float) -> list[Packet]:
    """Return the packets without received media for a while, as if none had been sent."""
    skipped: Counter[bytes] = Counter()
    out = []
    for packet in call.packets:
        if packet.heading != "in" or not packet.media:
            out.append(packet)
            continue
        inside = udp_payload(packet.data)
        source = inside[8:12]
        if begin_s <= packet.at_s < end_s:
            skipped[source] += 1
            continue
        number = (struct.unpack_from("!H", inside, 2)[0] - skipped[source]) & 0xFFFF
        at = len(packet.data) - len(inside)
        data = packet.data[: at + 2] + number.to_bytes(2, "big") + packet.data[at + 4 :]
        out.append(replace(packet, data=data))
    return out


def other_network(call: Original, rng: Random) -> list[Packet] | None:
    """Change the own address in the middle; half a second is lost."""
    at_s = call.moment(0.5)
    out = []
    for packet in call.packets:
        if packet.heading and at_s <= packet.at_s < at_s + 0.5:
            continue
        if packet.heading and packet.at_s >= at_s and packet.data[0] >> 4 == 4:
            place = 16 if packet.heading == "in" else 12
            out.append(replace(packet, data=packet.data[:place] + bytes((192, 168, 44, 9)) + packet.data[place + 4 :]))
        else:
            out.append(packet)
    return out


def came_alone(call: Original, _: Random) -> list[Packet] | None:
    """Record what comes alone; between two private addresses nothing would tell which end that is."""
    private = [ip_address(end).is_private for one in call.packets if one.media for end in _packet_ends(one.data)]
    return None if all(private) else without_packets(call, lambda one: one.heading == "out")


def _packet_ends(data: bytes) -> tuple[bytes, bytes]:
    return (data[12:16], data[16:20]) if data[0] >> 4 == 4 else (data[8:24], data[24:40])


def clock_set(seconds: float) -> Copy:
    """Set the recorder's clock forward in the middle."""

    def copy(call: Original, _: Random) -> list[Packet]:
        at_s = call.moment(0.5)
        return [replace(one, at_s=one.at_s + seconds * (one.at_s >= at_s)) for one in call.packets]

    return copy


def mirrored_packets(call: Original, _: Random) -> list[Packet]:
    """Record each packet twice, as a switch's mirror port may."""
    return [replace(one, at_s=one.at_s + late_s) for one in call.packets for late_s in (0.0, 5e-5)]


INNOCENT: dict[str, tuple[Copy, tuple[str, ...]]] = {
    "as it was": (lambda call, _: call.packets, ("good",)),
    "hung up": (hang_up, ("good", "unknown")),
    "ends in the middle": (cut_recording(-9.0, 0.6), ("good", "unknown")),
    "begins in the middle": (cut_recording(0.4, 9.0), ("good", "unknown", "not found")),
    "a part": (cut_recording(0.3, 0.8), ("good", "unknown", "not found")),
    "muted to the end": (muted_side(0.5, 9.0), ("good", "unknown")),
    "muted for a while": (muted_side(0.3, 0.6), ("good", "unknown")),
    "other network": (other_network, ("good", "unknown", "poor")),
    "loss 0.5 %": (random_loss(0.005), ("good",)),
    "jitter to 10 ms": (random_jitter(0.01, ordered=True), ("good",)),
    "what came alone": (came_alone, ("good", "unknown")),
    "what left alone": (
        lambda call, _: without_packets(call, lambda one: one.heading != "out"),
        ("unknown", "not found"),
    ),
    "clock set forward by 5 s": (clock_set(5.0), ("good", "unknown")),
    "each packet twice": (mirrored_packets, ("good",)),
    "recorder loses 10 %": (
        lambda call, rng: without_packets(call, lambda one: bool(one.heading) and rng.random() < 0.1),
        ("unknown",),
    ),
}

# ---------------------------------------------------------------- counting


def told_outcome(packets: list[Packet]) -> Outcome | None:
    """Return how the call in these packets is said to have been: of several, the one that lasted longest."""
    recording = read_capture(cooked_pcap(packets))
    if recording.calls:
        return call_outcome(max(recording.calls, key=lambda call: call.duration_s))
    if recording.attempts:
        return attempt_outcome(recording.attempts[0])
    return None


def score_outcomes(calls: list[Original], kinds: dict[str, tuple[Copy, tuple[str, ...]]]) -> float:
    """Print a row a kind, with what was told wrong; return the share that was told right."""
    right = every = 0
    for name, (copy, accepted) in kinds.items():
        wrong: list[str] = []
        count = 0
        for call in calls:
            packets = copy(call, Random(f"{name}{call.name}"))
            if not packets:
                continue
            outcome = told_outcome(packets)
            count += 1
            kind = outcome.kind if outcome else "not found"
            if kind not in accepted:
                wrong.append(f"{call.name}: {kind} {','.join(outcome.signs) if outcome else ''}")
        right, every = right + count - len(wrong), every + count
        print(f"{name:28} {count - len(wrong):3} of {count:3}  {'; '.join(wrong)}")  # noqa: T201
    return right / max(every, 1)


def main(folders: list[Path]) -> int:
    """Print both tables; 1 where too little is told."""
    calls = [*shaped_calls(), *(call for folder in folders if folder.is_dir() for call in original_calls(folder))]
    print(f"{len(calls)} calls: {', '.join(call.name for call in calls)}")  # noqa: T201
    bad, innocent = score_outcomes(calls, FAULTS), score_outcomes(calls, INNOCENT)
    print(f"faults told: {bad:.1%}; innocent told well: {innocent:.1%}")  # noqa: T201
    return int(bad < BAD_TOLD or innocent < INNOCENT_TOLD)


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]] or list(FOLDERS)))
