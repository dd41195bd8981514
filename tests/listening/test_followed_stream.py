"""A stream that is listened to: in the end it gives what `capture` gives, and meanwhile it shows its calls."""

from __future__ import annotations

import gc
import gzip
import struct
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest

from factories.packets.capture_files import Packet, pcap_file
from factories.packets.scripted_stream import ScriptedStream, cut_pieces
from factories.packets.shaped_calls import BEGIN_NS, background_traffic, packets_of, shaped_call
from talkpath.api.live_recording import followed_recordings
from talkpath.api.recording import Recording, read_capture
from talkpath.capture.live import recent_scan
from talkpath.capture.live.live_capture import LiveCapture
from talkpath.capture.live.live_picture import LivePicture
from talkpath.capture.scan import Scan
from talkpath.errors import FileError
from talkpath.listening.followed_stream import FollowedStream, KeptStream
from talkpath.listening.packet_streams import PlayedFile
from talkpath.measure.call import Findings

LAB = Path(__file__).parents[1] / "capture" / "lab"
FIXTURES = sorted(LAB.glob("*.pcap.gz"))
ENGINES = sorted((LAB.parent / "engines").glob("*.pcap.gz"))
SECOND = 1_000_000_000


def played(path: Path) -> tuple[Recording, list[LivePicture]]:
    pictures: list[LivePicture] = []
    stream = PlayedFile(path.open("rb"))
    (recording,) = followed_recordings(path.name, FollowedStream(stream, pictures.append))
    stream.close()
    return recording, pictures


def same(recording: Recording, path: Path) -> bool:
    whole = read_capture(path)
    return recording.record == whole.record and recording.clock == whole.clock


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_a_file_gives_what_capture_gives(path: Path):
    recording, pictures = played(path)
    assert same(recording, path)
    assert [one.app for one in recording.calls] == [one.app for one in pictures[-1].calls]


@pytest.mark.long
def test_public_captures_give_what_capture_gives(captures: Path):
    files = [path for path in sorted(captures.iterdir()) if path.suffix in (".pcap", ".pcapng")]
    assert len(files) >= 50
    assert [path.name for path in files if not same(played(path)[0], path)] == []


@pytest.mark.parametrize("size", [1, 97, 5000])
def test_a_pipe_gives_what_capture_gives_however_it_is_cut(size: int):
    path = LAB / "drop10-down.pcap.gz"
    data = gzip.decompress(path.read_bytes())[: None if size > 1 else 20_000]
    pieces = [(0.001 * place, piece) for place, piece in enumerate(cut_pieces(data, size))]
    stream = ScriptedStream(pieces)
    (recording,) = followed_recordings("-", FollowedStream(stream, lambda _: None, clock=stream.clock))
    assert recording.record == read_capture(BytesIO(data)).record


@pytest.mark.parametrize("path", ENGINES, ids=lambda path: path.name)
def test_a_pipe_of_a_real_engines_call_gives_what_capture_gives(path: Path):
    data = gzip.decompress(path.read_bytes())
    pieces = [(0.01 * place, piece) for place, piece in enumerate(cut_pieces(data, 9973))]
    stream = ScriptedStream(pieces)
    (recording,) = followed_recordings("-", FollowedStream(stream, lambda _: None, clock=stream.clock))
    whole = read_capture(BytesIO(data))
    assert (recording.record, recording.clock) == (whole.record, whole.clock)


def test_a_stream_that_is_no_capture_is_refused():
    stream = ScriptedStream([(0.0, b"this is no capture at all")])
    with pytest.raises(FileError, match="no capture"):
        list(followed_recordings("x.pcap", FollowedStream(stream, lambda _: None, clock=stream.clock)))


# ---------------------------------------------------------------- the picture


def in_time(packets: list[Packet], begin_s: float = 0.0) -> list[tuple[float, bytes]]:
    """The pieces of a live capture: each packet at its time."""
    data = pcap_file(packets, nano=True)
    pieces, at = [(0.0, data[:24])], 24
    for packet in packets:
        (size,) = struct.unpack_from("<I", data, at + 8)
        pieces.append((begin_s + (packet.time_ns - packets[0].time_ns) / 1e9, data[at : at + 16 + size]))
        at += 16 + size
    return pieces


def pictures_of(pieces: list[tuple[float, bytes]]) -> list[tuple[float, LivePicture]]:
    stream, out = ScriptedStream(pieces), []
    followed = FollowedStream(stream, lambda picture: out.append((stream.now_s, picture)), clock=stream.clock)
    list(followed_recordings("-", followed))
    return out


def at(packets: list[Packet], seconds: float) -> list[Packet]:
    return [replace(one, time_ns=one.time_ns + round(seconds * SECOND)) for one in packets]


def in_order(*groups: list[Packet]) -> list[Packet]:
    return sorted((packet for group in groups for packet in group), key=lambda packet: packet.time_ns)


APPS = ("whatsapp/relay60/voice", "telegram/tgcalls/voice", "webrtc/dtls/voice", "signal/ringrtc/voice")


@pytest.mark.long
@pytest.mark.parametrize("arm", APPS)
def test_a_call_is_on_the_screen_within_two_seconds_and_moves_each_second(arm: str):
    made = shaped_call(arm, 500)
    media_s = next(one.packet.time_ns for one in made if one.stage == "media") / 1e9 - BEGIN_NS / 1e9
    shown = pictures_of(in_time(in_order(background_traffic(20.0), packets_of(made))))
    first = next(at_s for at_s, picture in shown if picture.calls)
    assert first - media_s <= 2.0
    during = [picture.calls[0] for at_s, picture in shown if media_s + 3 < at_s < media_s + 9]
    assert during
    assert during[0].app == arm.split("/")[0]
    times = [at_s for at_s, _ in shown]
    assert max(late - early for early, late in pairwise(times)) <= 1.3


def test_a_call_whose_media_stops_coming_is_seen_to_be_silent():
    made = shaped_call("webrtc/dtls/voice", 1000)
    cut_ns = BEGIN_NS + 8 * SECOND
    packets = [one.packet for one in made if one.direction == "up" or one.packet.time_ns < cut_ns]
    shown = pictures_of(in_time(in_order(packets)))
    (live,) = shown[-1][1].calls
    assert live.so_far("sent").last_s is not None
    assert live.so_far("received").last_s == 7
    assert live.so_far("sent").last_s >= 12


def test_without_a_packet_pictures_come_all_the_same():
    stream, out = ScriptedStream([(5.5, pcap_file([]))]), []
    list(followed_recordings("-", FollowedStream(stream, out.append, clock=stream.clock)))
    assert len(out) >= 5
    assert all(not picture.packets for picture in out)


# ---------------------------------------------------------------- hours


def a_day_in_parts(monkeypatch: pytest.MonkeyPatch, hours: int) -> tuple[list[Recording], list[float], LiveCapture]:
    """Each hour one call and thin other traffic from ever new ports."""
    monkeypatch.setattr(recent_scan, "MOST_RECENT_FLOWS", 64)
    packets: list[Packet] = []
    for hour in range(hours):
        packets += at(packets_of(shaped_call("webrtc/dtls/voice", 300, seed=hour + 1)), 3600 * hour + 1800)
        for number in range(60):
            packets += at(_knock(1000 + 60 * hour + number), 3600 * hour + 60 * number)
    stream = ScriptedStream(in_time(in_order(packets)))
    live, fullness = LiveCapture(), []
    followed = FollowedStream(stream, lambda _: fullness.append(live.fullness), live, stream.clock)
    return list(followed_recordings("-", followed)), fullness, live


def _knock(port: int) -> list[Packet]:
    from factories.packets.capture_files import udp_packet

    return [Packet(BEGIN_NS, udp_packet(bytes((10, 0, 0, 5)), bytes((203, 0, 113, 9)), port, 53, bytes(30)))]


@pytest.mark.long
def test_over_hours_memory_stays_flat_and_each_call_is_found_once(monkeypatch: pytest.MonkeyPatch):
    found, fullness, _ = a_day_in_parts(monkeypatch, 6)
    assert len(found) >= 4, "the stream was cut into parts"
    assert max(fullness) <= 1.1
    assert [len(one.calls) for one in found].count(1) == sum(len(one.calls) for one in found) == 6
    assert all(abs(one.calls[0].duration_s - 6.0) < 1.0 for one in found if one.calls)


def small_flows(count: int, seconds: float) -> list[Packet]:
    """A STUN request each of so many strangers."""
    from factories.packets.capture_files import udp_packet

    ends = ((b"\x0b" + number.to_bytes(3, "big"), 1024 + number % 60_000) for number in range(count))
    request = b"\0\1\0\0\x21\x12\xa4\x42"
    return [
        Packet(
            BEGIN_NS + round(number * seconds / count * SECOND),
            udp_packet(host, bytes((198, 51, 100, 7)), port, 3478, request + number.to_bytes(12, "big")),
        )
        for number, (host, port) in enumerate(ends)
    ]


def scans_held() -> list[Scan]:
    return [one for one in gc.get_objects() if isinstance(one, Scan)]


def followed_pieces(packets: list[Packet], *, is_live: bool = True) -> tuple[list[Findings], list[tuple[int, int]]]:
    """The findings of each part, and at each picture how many scans and rows of flows were held."""
    data, held = pcap_file(packets, nano=True), []
    seconds = (packets[-1].time_ns - packets[0].time_ns) / SECOND
    pieces = [(at / len(data) * seconds, data[at : at + 4096]) for at in range(0, len(data), 4096)]
    stream, of_others = ScriptedStream(pieces, is_live=is_live), scans_held()
    numbers = {id(one) for one in of_others}

    def look(_: LivePicture) -> None:
        scans = [one for one in scans_held() if id(one) not in numbers]
        held.append((len(scans), sum(len(one.flows) for one in scans)))

    found = []
    for recording in followed_recordings("-", FollowedStream(stream, look, clock=stream.clock)):
        found.append(recording.findings)
        del recording
    return found, held


@pytest.mark.long
def test_a_flood_of_small_flows_fills_no_memory_and_hides_no_call():
    call = shaped_call("webrtc/dtls/voice", 500)
    found, held = followed_pieces(in_order(small_flows(45_000, 8.0), at(packets_of(call), 1.0)))
    assert max(rows for _, rows in held) <= 2 * 8_500
    (heard,) = [one for findings in found for one in findings.calls]
    assert abs(heard.duration_s - 10.0) < 1.0
    assert any("too many flows" in reason for findings in found for reason in findings.unread)


@pytest.mark.long
def test_a_part_that_has_ended_is_let_go_before_the_next_is_read():
    found, held = followed_pieces(small_flows(45_000, 20.0))
    assert len(found) >= 3
    assert max(scans for scans, _ in held) <= 2, "the part's, and that of the pictures"


@pytest.mark.long
def test_a_flood_in_a_played_file_is_forgotten_by_the_pictures_alone():
    packets = small_flows(45_000, 20.0)
    (findings,), held = followed_pieces(packets, is_live=False)
    assert findings == read_capture(BytesIO(pcap_file(packets, nano=True))).findings
    assert max(rows for _, rows in held) <= 45_000 + 8_500


@pytest.mark.long
def test_nothing_is_kept_beyond_its_limit():
    stream = KeptStream(ScriptedStream([(0.0, bytes(60)), (0.1, bytes(60)), (0.2, bytes(60))]), most=130)
    while stream.read(1.0):
        pass
    assert (len(stream.kept.getvalue()), stream.is_full) == (120, True)
