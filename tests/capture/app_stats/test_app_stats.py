"""Calls from an app's own statistics: dumps of webrtc-internals and Signal's debug logs."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from pathlib import Path

import msgspec
import pytest

import talkpath
from factories.packets.app_stats_files import BEGIN_S, connection_stats, signal_log, stats_report, webrtc_internals_dump
from talkpath.api.recording import Recording
from talkpath.capture.app_stats import reading, webrtc_internals
from talkpath.errors import FileError, UsageError
from talkpath.measure.decode import decode_findings
from talkpath.measure.validate import validate_findings
from talkpath.verdict.bases.call_outcome import attempt_outcome, call_outcome


def read(data: bytes, folder: Path, name: str = "calls") -> Recording:
    path = folder / name
    path.write_bytes(data)
    return talkpath.read_capture(path)


@pytest.mark.parametrize("stamps", [True, False])
def test_a_good_call_of_webrtc_internals(stamps: bool, tmp_path: Path):
    found = read(webrtc_internals_dump(connection_stats(stamps=stamps)), tmp_path)
    (one,) = found.calls
    assert (one.app, one.media, one.transport, one.protocol) == ("webrtc", ("voice",), "p2p", "udp")
    assert one.duration_s == pytest.approx(59.2, abs=0.1)
    heard, said = one.streams
    assert (heard.direction, heard.ssrc, heard.packets, heard.lost) == ("received", 1001, 2950, 0)
    assert (said.direction, said.ssrc, said.packets, said.lost) == ("sent", 2002, 2950, None)
    assert heard.kbps == pytest.approx(32, rel=0.01)
    assert heard.jitter_ms == 4.0
    assert call_outcome(one).kind == "good"
    assert found.verdicts[0].basis == "call"
    assert sum(moment.received.packets for moment in one.seconds) == pytest.approx(2950, rel=0.02)
    assert found.measured.begun_ns == round(1e9 * BEGIN_S)
    assert found.record["source"] == "webrtc_internals"
    validate_findings(found.findings)


def test_a_dump_of_chromium():
    """Two connections of one page to each other, Chromium 156; without addresses and other kinds of reports."""
    first, second = talkpath.read_capture(Path(__file__).with_name("chromium.json.gz")).calls
    for one, other in ((first, second), (second, first)):
        assert [stream.packets for stream in one.streams] == [756, 756]
        assert [stream.lost for stream in one.streams] == [0, None]
        assert one.streams[0].ssrc == other.streams[1].ssrc
        assert (one.start_s, one.transport, call_outcome(one).kind) == (pytest.approx(0, abs=0.1), "p2p", "good")
        assert [moment.received.packets for moment in one.seconds] == pytest.approx([50] * 15, abs=4)


def test_silence_and_losses_are_told_and_no_rule_is_named_for_silence(tmp_path: Path):
    silent = read(webrtc_internals_dump(connection_stats(received_until=30)), tmp_path)
    outcome = call_outcome(silent.calls[0])
    assert (outcome.kind, outcome.at_s) == ("went_silent", pytest.approx(30, abs=1.5))
    assert silent.verdicts[0].alternatives == ()
    lossy = read(webrtc_internals_dump(connection_stats(lost=0.1)), tmp_path)
    assert lossy.calls[0].streams[0].loss_pct == pytest.approx(10, abs=0.2)
    assert call_outcome(lossy.calls[0]).kind == "poor"


def test_a_pause_in_the_middle_stands_still(tmp_path: Path):
    """Nothing is counted for five seconds, then everything goes on."""
    stats = connection_stats()
    series = stats["IT01A1001-packetsReceived"]
    values = json.loads(series["values"])
    series["values"] = json.dumps(
        [value if second < 20 else max(values[20], value - 250) for second, value in enumerate(values)]
    )
    (one,) = read(webrtc_internals_dump(stats), tmp_path).calls
    heard = one.streams[0]
    assert (heard.freezes, heard.frozen_s) == (1, pytest.approx(5, abs=0.1))
    assert heard.longest_gap_ms == pytest.approx(5000, abs=100)
    assert [moment.at_s for moment in one.seconds if moment.received.frozen_ms] == pytest.approx(range(20, 25), abs=1)


def test_the_path_and_the_app(tmp_path: Path):
    found = read(
        webrtc_internals_dump(connection_stats(candidates=("relay", "host")), url="https://web.whatsapp.com/"), tmp_path
    )
    (one,) = found.calls
    assert (one.app, one.transport, one.flows[0].kind) == ("whatsapp", "relay", "relay")
    (other,) = read(webrtc_internals_dump(connection_stats(), url="https://web.whatsapp.com.example/"), tmp_path).calls
    assert other.app == "webrtc"


def test_a_connection_that_was_checked_and_never_carried_anything(tmp_path: Path):
    stats = stats_report("candidate-pair", "CP", 20, requestsSent=lambda second: second, responsesReceived=lambda _: 0)
    (attempt,) = read(webrtc_internals_dump(stats), tmp_path).attempts
    assert (attempt.answered, attempt.requests) == (False, 19)
    assert attempt_outcome(attempt).kind != "good"


def test_nothing_of_a_person_is_in_what_comes_out(tmp_path: Path):
    found = read(webrtc_internals_dump(connection_stats(candidates=("relay", "host"))), tmp_path)
    for text in (json.dumps(found.record), found.html()):
        assert "203.0.113.77" not in text
        assert "secret-name" not in text
        assert "calls.example" not in text
    text = json.dumps(read(signal_log(), tmp_path).record)
    assert "+49" not in text
    assert found.endpoints(0) == []


@pytest.mark.parametrize("form", ["desktop", "android", "ios"])
def test_signals_log(form: str, tmp_path: Path):
    found = read(signal_log(form=form), tmp_path)
    (one,) = found.calls
    assert (one.app, one.app_confidence, one.transport, one.closed) == ("signal", 1.0, "p2p", True)
    assert one.duration_s == 60.0
    heard, said = one.streams
    assert (heard.packets, heard.lost, said.packets) == (3000, 0, 3000)
    assert call_outcome(one).kind == "good"
    assert found.measured.begun_ns == pytest.approx(1e9 * BEGIN_S, abs=1e9)  # also of a clock in another zone
    assert found.record["source"] == "signal_log"
    assert all(moment.received.lost is None for moment in one.seconds)  # readings are ten seconds apart


def test_signals_log_tells_losses_silence_and_relays(tmp_path: Path):
    lossy = read(signal_log(lost_pct=8.0, relayed=True), tmp_path)
    assert lossy.calls[0].streams[0].loss_pct == pytest.approx(8.0, abs=0.1)
    assert (call_outcome(lossy.calls[0]).kind, lossy.calls[0].transport) == ("poor", "relay")
    silent = read(signal_log(received_until=30), tmp_path)
    assert call_outcome(silent.calls[0]).kind == "went_silent"
    assert silent.verdicts[0].alternatives == ()


def test_two_calls_in_one_log(tmp_path: Path):
    later = signal_log(40).replace(b"2023-11-14T22:1", b"2023-11-14T23:1")
    first, second = read(signal_log(30) + b"\n" + later, tmp_path).calls
    assert (first.duration_s, second.duration_s) == (30.0, 40.0)
    assert second.start_s - first.start_s == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("data", [webrtc_internals_dump(connection_stats()), signal_log()])
def test_gzipped_too(data: bytes, tmp_path: Path):
    assert read(gzip.compress(data), tmp_path, "x.gz").findings == read(data, tmp_path).findings


def test_packets_are_not_there(tmp_path: Path):
    found = read(signal_log(), tmp_path)
    with pytest.raises(UsageError, match="hold no packets"):
        found.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="hold no packets"):
        found.paired_with(found)
    assert found.bundle()


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"PeerConnections": 3}',
        b'{"PeerConnections": {"a": {"stats": {"x-y": {"values": 3}}}}}',
        b"{" * 100_000,
        b"no capture and no log",
        b"ringrtc_stats!,audio,recv,ssrc",
    ],
)
def test_what_is_neither_is_no_capture(data: bytes, tmp_path: Path):
    with pytest.raises(FileError, match="no capture"):
        read(data, tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        "",
        "[",
        "[null, true, {}, []]",
        "[1e308, -1e308, 1]",
        "[" + "1," * 1000 + "1]",
        '["a", 5]',
        "[5, 4, 3]",
        "[2147483648, 1e10]",
    ],
)
@pytest.mark.parametrize(
    "name", ["packetsReceived", "bytesReceived", "packetsLost", "jitter", "timestamp", "ssrc", "kind"]
)
def test_a_damaged_series_fails_nothing(name: str, values: str, tmp_path: Path):
    stats = connection_stats(20)
    stats[f"IT01A1001-{name}"]["values"] = values
    found = read(webrtc_internals_dump(stats), tmp_path)
    validate_findings(found.findings)
    json.dumps(found.record, allow_nan=False)
    found.html()


def test_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(webrtc_internals, "MOST_RECORDED_CALLS", 1)
    with pytest.raises(FileError, match="more than 1 connections"):
        read(webrtc_internals_dump(connection_stats(5), connection_stats(5)), tmp_path)
    monkeypatch.setattr(webrtc_internals, "MOST_SERIES", 3)
    with pytest.raises(FileError, match="more than 3 series"):
        read(webrtc_internals_dump(connection_stats(5)), tmp_path)
    monkeypatch.setattr(reading, "MOST_STATISTICS_BYTES", 1000)
    for data in (signal_log(), gzip.compress(signal_log() * 100)):
        with pytest.raises(FileError, match="cut out the calls"):
            read(data, tmp_path)


def test_numbers_that_no_call_has_are_left_out_and_counted(tmp_path: Path):
    """Two clocks a century apart, and rates of a million packets a second for a day."""
    far = (
        signal_log(30).replace(b"2023-11-14", b"2099-11-14")
        + b"\n"
        + signal_log(30).replace(b"2023-11-14", b"3023-11-14")
    )
    for data in (signal_log(30) + b"\n" + far, signal_log(86_000).replace(b",50.0,", b",999999.0,")):
        found = read(data, tmp_path).findings
        assert decode_findings(msgspec.msgpack.encode(found)) == found
    assert found.unread == {reading.LEFT_OUT_REASON: 1}
    assert found.calls == ()


def test_a_small_file_takes_little_memory_and_time(tmp_path: Path):
    """Sixty kilobytes, gzipped, that held a text of tens of millions of numbers took 1.6 GB; a log of as many newlines
    21 s, since each is a line."""
    series = {"statsType": "inbound-rtp", "startTime": "", "endTime": "", "values": "[" + "0," * (16 << 20) + "0]"}
    dump = {"PeerConnections": {"1": {"stats": {"A-packetsReceived": series}, "url": ""}}}
    log = signal_log()
    longer = log.replace(b"\n", b"\n" * (32 << 20), 1)
    for name, data in (("dump.json", json.dumps(dump).encode()), ("log.txt", longer)):
        (tmp_path / name).write_bytes(gzip.compress(data, 1))
    tracemalloc.start()
    begun_s = time.process_time()
    with (tmp_path / "dump.json").open("rb", buffering=0) as file:
        assert reading.read_app_stats(file) is not None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 << 20
    with (tmp_path / "log.txt").open("rb", buffering=0) as file:
        found = reading.read_app_stats(file)
    assert time.process_time() - begun_s < 5.0
    plain = tmp_path / "plain.txt"
    plain.write_bytes(log)
    with plain.open("rb", buffering=0) as file:
        assert found == reading.read_app_stats(file)
