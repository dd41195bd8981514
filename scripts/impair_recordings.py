"""Makes copies of recordings with known faults, and innocent ones, and counts how often `capture` says how they were.

    python scripts/impair_recordings.py [FOLDER OF CAPTURES...]     # tests/capture/lab, and ../shared/captures if there

Every call in which both ends talked for five seconds is copied with each fault: losses, one way, a silence, a line that
is too slow, jitter, a relay that answers no more, set-up that nothing answers. Calls made from the app files' shapes
are added. The innocent copies are those of a caller who hangs up, is muted, pauses, changes networks, or records only
a part. 1 when fewer than BAD_TOLD of the faults, or INNOCENT_TOLD of the innocent, are told for what they are.
"""

from __future__ import annotations

import io
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from talkpath.api.recording import Recording, read_capture
from talkpath.apps import shapes
from talkpath.measure.call import Call
from talkpath.verdict.bases.call_outcome import Outcome, attempt_outcome, call_outcome
from talkpath.wire.pcap import Unread, blocks
from talkpath.wire.pcap.link import internet

HERE = Path(__file__).resolve().parents[1]
FOLDERS = (HERE / "tests" / "capture" / "lab", HERE.parent / "shared" / "captures")
BAD_TOLD, INNOCENT_TOLD = 0.95, 0.99
TALK_S, TALK_PACKETS = 5.0, 50
CALLER, SERVER, MADE_PACKETS, MADE_S = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7)), 3000, 45.0

COOKIE = b"\x21\x12\xa4\x42"

Ends = tuple[bytes, int, bytes, int]


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet: `heading` is "in" or "out" if it belongs to the call, else ""; `media`: may it be media?"""

    at_s: float
    data: bytes
    heading: str = ""
    media: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """A recording and the call in it that is copied: when both ends talked."""

    name: str
    packets: list[Packet]
    begin_s: float
    end_s: float
    has_rtp: bool

    def moment(self, share: float) -> float:
        """Return a moment of the talk."""
        return self.begin_s + share * (self.end_s - self.begin_s)


Copy = Callable[[Original, Random], list[Packet] | None]

# ---------------------------------------------------------------- recordings


def ip_packets(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (time in ns, IP packet)."""
    with path.open("rb", buffering=0) as file:
        for frames in blocks(file, Unread()):
            for row, at in enumerate(internet(frames, Unread()).tolist()):
                if at >= 0:
                    end = int(frames.start[row] + frames.captured[row])
                    yield int(frames.time_ns[row]), bytes(frames.data[at:end])


def ends(data: bytes) -> Ends | None:
    """Return (source, port, target, port) of a UDP packet."""
    if data[0] >> 4 == 4 and data[9] == 17:
        at = (data[0] & 15) * 4
        source, target = data[12:16], data[16:20]
    elif data[0] >> 4 == 6 and data[6] == 17:
        at, source, target = 40, data[8:24], data[24:40]
    else:
        return None
    ports = struct.unpack_from("!HH", data, at)
    return source, ports[0], target, ports[1]


def payload(data: bytes) -> bytes:
    """Return the UDP payload."""
    return data[(data[0] & 15) * 4 + 8 :] if data[0] >> 4 == 4 else data[48:]


def is_rtp(data: bytes) -> bool:
    """Is it RTP by its first bytes?"""
    inside = payload(data)
    return len(inside) >= 12 and inside[0] >> 6 == 2 and not 192 <= inside[1] <= 223


def written(packets: list[Packet]) -> io.BytesIO:
    """Return a pcap file of Linux cooked frames, which say what was sent and what was received."""
    own = {
        found[0] if one.heading == "out" else found[2] for one in packets if one.heading and (found := ends(one.data))
    }
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 113)]
    for packet in packets:
        second, rest = divmod(round(packet.at_s * 1e9) + 1_700_000_000_000_000_000, 1_000_000_000)
        four, found = packet.data[0] >> 4 == 4, ends(packet.data)
        size = int.from_bytes(packet.data[2:4]) if four else 40 + int.from_bytes(packet.data[4:6])
        sent = packet.heading == "out" or (found is not None and not packet.heading and found[0] in own)
        frame = struct.pack("!HHH8xH", 4 if sent else 0, 1, 6, 0x0800 if four else 0x86DD) + packet.data
        out.append(struct.pack("<IIII", second, rest, len(frame), max(16 + size, len(frame))) + frame)
    return io.BytesIO(b"".join(out))


def originals(folder: Path) -> Iterator[Original]:
    """Yield the calls of a folder in which both ends talked long enough."""
    for path in sorted(folder.glob("*.pcap*")):
        recording = read_capture(path)
        for number, call in enumerate(recording.calls):
            if is_copied(call):
                yield original(path, recording, number)


def is_copied(call: Call) -> bool:
    """Is it a good call, long enough in both directions?"""
    talks = [
        [stream for stream in call.streams if stream.direction == direction and stream.medium]
        for direction in ("sent", "received")
    ]
    if call.duration_s < TALK_S or min(sum(stream.packets for stream in talk) for talk in talks) < TALK_PACKETS:
        return False
    return call_outcome(call).kind == "good"


def original(path: Path, recording: Recording, number: int) -> Original:
    """Return a call with the packets of its recording, without those of other calls in it."""
    call, flows = recording.calls[number], recording.measured.endpoints(number)
    near = {(_packed(one), other_port(one), _packed(far), other_port(far)) for one, far, _ in flows}
    begun_ns = recording.measured.begun_ns or 0
    packets = []
    for time_ns, data in ip_packets(path):
        found, at_s = ends(data), (time_ns - begun_ns) / 1e9
        if not call.setup_s - 5 <= at_s <= call.control_end_s + 5:
            continue
        heading = "" if found is None else "out" if found in near else "in" if found[2:] + found[:2] in near else ""
        packets.append(Packet(at_s, data, heading, bool(heading) and _is_media(data, call)))
    both = [[s for s in call.streams if s.direction == way and s.medium] for way in ("sent", "received")]
    begin_s = max(min(stream.start_s for stream in streams) for streams in both)
    end_s = min(max(stream.start_s + stream.duration_s for stream in streams) for streams in both)
    return Original(
        f"{path.name} {number}", sorted(packets, key=lambda one: one.at_s), begin_s, end_s, _in_clear(packets)
    )


def _packed(address: Any) -> bytes:
    from ipaddress import ip_address

    return ip_address(address.reveal()[0]).packed


def other_port(address: Any) -> int:
    """Return the port of an end."""
    return int(address.reveal()[1])


def _is_media(data: bytes, call: Call) -> bool:
    if all(stream.ssrc is not None for stream in call.streams if stream.medium):
        return is_rtp(data)
    return payload(data)[4:8] != COOKIE


def _in_clear(packets: list[Packet]) -> bool:
    """Is nearly all media RTP that can be read as it is?"""
    media = [is_rtp(one.data) for one in packets if one.media]
    return sum(media) >= 0.9 * len(media)


def made() -> Iterator[Original]:
    """Yield a call of every shape, with other traffic of the same host."""
    for arm, shape in shapes().items():
        rng = Random(f"{arm}")
        count = min(round(shape.packet_rate * MADE_S), MADE_PACKETS)
        schedule = shape.schedule(rng, count)
        packets = []
        for slot, data in zip(schedule.slots, shape.datagrams(schedule, bytes(32)), strict=True):
            if slot.retry_of is None:
                out = slot.direction == "up"
                at_s = slot.at_ms / 1000 + (0 if out else 0.03) + rng.uniform(0, 0.004)
                pair = (CALLER, SERVER, 40000, 3478) if out else (SERVER, CALLER, 3478, 40000)
                whole = udp(*pair, data)
                packets.append(Packet(at_s, whole, "out" if out else "in", slot.stage == "media"))
        end_s = min(max(one.at_s for one in packets if one.media and one.heading == way) for way in ("in", "out"))
        packets = [one for one in packets if one.at_s <= end_s]
        packets += other_traffic(end_s, rng)
        packets.sort(key=lambda one: one.at_s)
        recording = read_capture(written(packets))
        (call,) = recording.calls
        if call_outcome(call).kind != "good":
            print(f"left out, {call_outcome(call)}: {arm}")  # noqa: T201
            continue
        talk = [one.at_s for one in packets if one.media]
        name = f"{arm.app}/{arm.variant}/{arm.medium}"
        yield Original(name, packets, talk[0] + 0.5, talk[-1] - 0.5, _in_clear(packets))


def udp(source: bytes, target: bytes, source_port: int, target_port: int, data: bytes) -> bytes:
    """Return an IPv4 packet with UDP."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0)
    return head + source + target + struct.pack("!HHHH", source_port, target_port, 8 + len(data), 0) + data


def other_traffic(seconds: float, rng: Random) -> list[Packet]:
    """Return packets of another program, ten a second each way."""
    far = bytes((203, 0, 113, 9))
    return [
        Packet(at / 10 + (0.02 if back else 0), udp(*ends_, rng.randbytes(60)))
        for at in range(round(seconds * 10))
        for back, ends_ in ((False, (CALLER, far, 50123, 8443)), (True, (far, CALLER, 8443, 50123)))
    ]


# ---------------------------------------------------------------- faults


def kept(call: Original, gone: Callable[[Packet], bool]) -> list[Packet]:
    """Return the packets without some."""
    return [packet for packet in call.packets if not gone(packet)]


def moved(call: Original, later: Callable[[Packet], float | None]) -> list[Packet]:
    """Return the packets that came later by so many seconds (None: never)."""
    out = []
    for packet in call.packets:
        more = later(packet) if packet.heading == "in" else 0.0
        if more is not None:
            out.append(replace(packet, at_s=packet.at_s + more))
    return sorted(out, key=lambda one: one.at_s)


def loss(share: float) -> Copy:
    """Drop packets at random."""
    return lambda call, rng: kept(call, lambda one: one.heading == "in" and rng.random() < share)


def one_way(media_only: bool) -> Copy:
    """Let nothing of the other side come, or none of its media."""

    def copy(call: Original, _: Random) -> list[Packet] | None:
        if media_only and not call.has_rtp:
            return None
        return kept(call, lambda one: one.heading == "in" and (one.media or not media_only))

    return copy


def silence(begin: float, seconds: float) -> Copy:
    """Let nothing come for a while, or to the end."""

    def copy(call: Original, _: Random) -> list[Packet]:
        begin_s = call.moment(begin)
        return kept(call, lambda one: one.heading == "in" and begin_s <= one.at_s < begin_s + seconds)

    return copy


def shaped(share: float, longest_s: float) -> Copy:
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

        return moved(call, later)

    return copy


def jitter(most_s: float, ordered: bool) -> Copy:
    """Let each packet come later by chance, in order or not."""

    def copy(call: Original, rng: Random) -> list[Packet]:
        last_s = 0.0

        def later(packet: Packet) -> float:
            nonlocal last_s
            at_s = packet.at_s + rng.uniform(0, most_s)
            last_s = max(last_s, at_s) if ordered else at_s
            return last_s - packet.at_s

        return moved(call, later)

    return copy


def unanswered_set_up(call: Original, _: Random) -> list[Packet] | None:
    """Let no answer come, and no talk begin; the caller asks again and again."""
    asked = [one for one in call.packets if one.heading == "out" and not one.media and one.at_s < call.begin_s]
    others = [one for one in call.packets if not one.heading]
    if not any(payload(one.data)[4:8] == COOKIE for one in asked):
        return None
    asked = [one for one in asked if payload(one.data)[4:8] == COOKIE]
    first_s = asked[0].at_s
    again = [replace(one, at_s=one.at_s + 1.6 * time) for time in range(6) for one in asked if one.at_s < first_s + 1.5]
    return sorted(again + others, key=lambda one: one.at_s)


FAULTS: dict[str, tuple[Copy, tuple[str, ...]]] = {
    "loss 5 %": (loss(0.06), ("poor",)),
    "loss 20 %": (loss(0.2), ("poor",)),
    "loss 50 %": (loss(0.5), ("poor", "went_silent")),
    "one way": (one_way(media_only=False), ("one_way", "never_connected")),
    "one way, media only": (one_way(media_only=True), ("one_way",)),
    "silence to the end": (silence(0.4, 1e9), ("went_silent",)),
    "silence of a fifth": (silence(0.5, 4.0), ("poor", "went_silent")),
    "shaped to 70 %": (shaped(0.7, 2.0), ("poor",)),
    "shaped to 50 %": (shaped(0.5, 0.5), ("poor", "went_silent")),
    "jitter to 80 ms": (jitter(0.08, ordered=False), ("poor",)),
    "jitter to 80 ms, in order": (jitter(0.08, ordered=True), ("poor",)),
    "jitter to 250 ms": (jitter(0.25, ordered=True), ("poor",)),
    "no answers": (silence(-10.0, 1e9), ("never_connected", "one_way")),
    "set-up unanswered": (unanswered_set_up, ("never_connected",)),
}


def hang_up(call: Original, rng: Random) -> list[Packet]:
    """End the call in the middle, while the recording goes on; the last packets cross."""
    end_s = call.moment(0.7)
    left = kept(call, lambda one: bool(one.heading) and one.at_s > end_s + (0.4 if one.heading == "out" else 0.0))
    return left + other_traffic_after(call, end_s, rng)


def other_traffic_after(call: Original, end_s: float, rng: Random) -> list[Packet]:
    """Return traffic of another program for ten more seconds."""
    return [replace(one, at_s=one.at_s + max(end_s, call.packets[-1].at_s)) for one in other_traffic(10.0, rng)]


def cut(begin: float, end: float) -> Copy:
    """Record a part of the call."""
    return lambda call, _: kept(call, lambda one: not call.moment(begin) <= one.at_s <= call.moment(end))


def muted(begin: float, end: float) -> Copy:
    """Mute the other side: no media, everything else, and numbers that go on without a gap."""

    def copy(call: Original, _: Random) -> list[Packet] | None:
        if not call.has_rtp or not replies_go_on(call, call.moment(begin)):
            return None
        return renumbered(call, call.moment(begin), call.moment(end))

    return copy


def replies_go_on(call: Original, begin_s: float) -> bool:
    """Does the far end send anything but media from then on?"""
    replies = [one.at_s for one in call.packets if one.heading == "in" and not one.media and one.at_s > begin_s]
    return len(replies) >= 2 and replies[-1] - begin_s > 3


def renumbered(call: Original, begin_s: float, end_s: float) -> list[Packet]:
    """Return the packets without received media for a while, as if none had been sent."""
    skipped: Counter[bytes] = Counter()
    out = []
    for packet in call.packets:
        if packet.heading != "in" or not packet.media:
            out.append(packet)
            continue
        inside = payload(packet.data)
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


INNOCENT: dict[str, tuple[Copy, tuple[str, ...]]] = {
    "as it was": (lambda call, _: call.packets, ("good",)),
    "hung up": (hang_up, ("good", "unknown")),
    "ends in the middle": (cut(-9.0, 0.6), ("good", "unknown")),
    "begins in the middle": (cut(0.4, 9.0), ("good", "unknown", "not found")),
    "a part": (cut(0.3, 0.8), ("good", "unknown", "not found")),
    "muted to the end": (muted(0.5, 9.0), ("good", "unknown")),
    "muted for a while": (muted(0.3, 0.6), ("good", "unknown")),
    "other network": (other_network, ("good", "unknown", "poor")),
    "loss 0.5 %": (loss(0.005), ("good",)),
    "jitter to 10 ms": (jitter(0.01, ordered=True), ("good",)),
    "recorder loses 10 %": (
        lambda call, rng: kept(call, lambda one: bool(one.heading) and rng.random() < 0.1),
        ("unknown",),
    ),
}

# ---------------------------------------------------------------- counting


def told(packets: list[Packet]) -> Outcome | None:
    """Return how the call in these packets is said to have been: of several, the one that lasted longest."""
    recording = read_capture(written(packets))
    if recording.calls:
        return call_outcome(max(recording.calls, key=lambda call: call.duration_s))
    if recording.attempts:
        return attempt_outcome(recording.attempts[0])
    return None


def score(calls: list[Original], kinds: dict[str, tuple[Copy, tuple[str, ...]]]) -> float:
    """Print a row a kind, with what was told wrong; return the share that was told right."""
    right = every = 0
    for name, (copy, accepted) in kinds.items():
        wrong: list[str] = []
        count = 0
        for call in calls:
            packets = copy(call, Random(f"{name}{call.name}"))
            if not packets:
                continue
            outcome = told(packets)
            count += 1
            kind = outcome.kind if outcome else "not found"
            if kind not in accepted:
                wrong.append(f"{call.name}: {kind} {','.join(outcome.signs) if outcome else ''}")
        right, every = right + count - len(wrong), every + count
        print(f"{name:28} {count - len(wrong):3} of {count:3}  {'; '.join(wrong)}")  # noqa: T201
    return right / max(every, 1)


def main(folders: list[Path]) -> int:
    """Print both tables; 1 where too little is told."""
    calls = [*made(), *(call for folder in folders if folder.is_dir() for call in originals(folder))]
    print(f"{len(calls)} calls: {', '.join(call.name for call in calls)}")  # noqa: T201
    bad, innocent = score(calls, FAULTS), score(calls, INNOCENT)
    print(f"faults told: {bad:.1%}; innocent told well: {innocent:.1%}")  # noqa: T201
    return int(bad < BAD_TOLD or innocent < INNOCENT_TOLD)


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]] or list(FOLDERS)))
