"""`read_capture`: what it gives, its tables, and what it says of files that it cannot read."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

import talkpath

LAB = Path(__file__).parents[1] / "capture" / "lab"
EMPTY_PCAP = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")


@pytest.fixture(scope="module")
def dropped() -> talkpath.Recording:
    return talkpath.read_capture(LAB / "drop30-up-far.pcap.gz")


def test_a_recording_has_calls_streams_and_verdicts(dropped: talkpath.Recording) -> None:
    (call,) = dropped.calls
    assert (call.app, dropped.name) == ("webrtc", "drop30-up-far.pcap.gz")
    assert dropped.streams == call.streams
    received = next(stream for stream in dropped.streams if stream.direction == "received")
    assert received.loss_pct == pytest.approx(30, abs=5)
    (verdict,) = dropped.verdicts
    assert verdict.alternatives == ("media.drop",)
    assert dropped.record["calls"][0]["verdict"]["state"] == verdict.state == "insufficient"


def test_a_path_a_text_and_an_open_file_are_read_alike(dropped: talkpath.Recording) -> None:
    path = LAB / "drop30-up-far.pcap.gz"
    assert talkpath.read_capture(str(path)).findings == dropped.findings
    with path.open("rb") as file:
        assert talkpath.read_capture(file).findings == dropped.findings


def test_progress_counts_packets(dropped: talkpath.Recording) -> None:
    counts: list[int] = []
    talkpath.read_capture(LAB / "drop30-up-far.pcap.gz", progress=counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == dropped.findings.packets


@pytest.mark.parametrize("table", ["calls", "streams", "seconds", "packets"])
def test_tables_of_files_with_and_without_calls_can_be_joined(dropped: talkpath.Recording, table: str) -> None:
    arrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    nothing = talkpath.read_capture(BytesIO(EMPTY_PCAP))
    assert nothing.calls == ()
    full, empty = dropped.to_arrow(table), nothing.to_arrow(table)  # type: ignore[arg-type]
    assert len(full) > len(empty) == 0
    joined = arrow.concat_tables([full, empty])
    assert joined.column("file").unique().to_pylist() == [dropped.name]


def test_the_tables_hold_the_facts(dropped: talkpath.Recording) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    (call,) = dropped.calls
    (row,) = dropped.to_arrow("calls").to_pylist()
    assert (row["call"], row["app"], row["media"]) == (1, call.app, list(call.media))
    assert row["loss_down_pct"] == dropped.verdicts[0].figures["loss_down_pct"]
    assert (row["outcome"], row["outcome_direction"]) == ("poor", "received")
    seconds = dropped.to_arrow().to_pylist()
    assert len(seconds) == 2 * len(call.seconds)
    received = [row["lost"] or 0 for row in seconds if row["direction"] == "received"]
    assert sum(received) == sum(moment.received.lost or 0 for moment in call.seconds) > 0
    streams = dropped.to_arrow("streams").to_pylist()
    assert [row["stream"] for row in streams] == [1, 2]
    assert [row["packets"] for row in streams] == [stream.packets for stream in call.streams]
    assert len(dropped.to_arrow("packets")) == sum(stream.packets for stream in call.streams)


def test_an_unknown_table_is_named_with_those_there_are(dropped: talkpath.Recording) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    with pytest.raises(talkpath.UsageError, match="calls, streams, seconds, packets"):
        dropped.to_arrow("minutes")  # type: ignore[arg-type]


def test_without_pyarrow_a_sentence_says_what_to_install(
    dropped: talkpath.Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(talkpath.UsageError, match="pip install pyarrow"):
        dropped.to_arrow()


def test_both_ends_are_compared(dropped: talkpath.Recording) -> None:
    (pair,) = talkpath.read_capture(LAB / "drop30-up.pcap.gz").paired_with(dropped)
    assert pair.up is not None
    assert pair.up.loss_pct == pytest.approx(30, abs=5)


def test_the_bundle_of_a_recording_is_judged_alike_and_holds_no_name(dropped: talkpath.Recording) -> None:
    data = dropped.bundle()
    stored = talkpath.read_bundle(data)
    assert stored.findings == dropped.findings
    assert stored.verdict["file"] == "-"
    judged = talkpath.judge(data)
    assert judged.verdicts == dropped.verdicts
    assert judged.changes == ()


def test_a_file_that_is_not_there_or_no_capture_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(talkpath.FileError, match=r"gone\.pcap cannot be read"):
        talkpath.read_capture(tmp_path / "gone.pcap")
    (tmp_path / "letter.pcap").write_bytes(b"Dear Sir or Madam, this is no capture at all.")
    with pytest.raises(talkpath.FileError, match=r"letter\.pcap: "):
        talkpath.read_capture(tmp_path / "letter.pcap")
