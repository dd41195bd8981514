"""The table of all media packets says the same as the records."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factories.packets.capture_files import Packet, pcap_file
from factories.packets.recognised_calls import CALLS
from factories.packets.shaped_calls import CALLER, SERVER, packets_of, shaped_call
from talkpath.capture.calls.records import MeasuredCapture, measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.capture.table import COLUMN_TYPES, packet_columns, write_parquet
from talkpath.errors import FileError, UsageError


def measured(packets: list[Packet]) -> MeasuredCapture:
    return measure_calls(scan_capture(io.BytesIO(pcap_file(packets, nano=True))))


def table(capture: MeasuredCapture) -> dict[str, Any]:
    parts = list(packet_columns(capture))
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMN_TYPES}


@pytest.mark.parametrize("arm", ["webrtc/dtls/video", "telegram/libtgvoip/voice", "whatsapp/relay60/voice"])
def test_a_row_for_each_packet_of_a_stream(arm: str):
    capture = measured(packets_of(shaped_call(arm, 200)))
    rows = table(capture)
    (found,) = capture.findings.calls
    assert len(rows["time_s"]) == sum(stream.packets + stream.duplicates for stream in found.streams)
    assert set(rows["app"].tolist()) == {found.app}
    assert set(rows["direction"].tolist()) == {"sent", "received"}
    assert rows["size_bytes"].sum() > 0


def test_losses_stand_before_their_packet():
    capture = measured(CALLS["discord"]().packets(lost=lambda number: number % 10 == 9))
    rows = table(capture)
    (found,) = capture.findings.calls
    received = rows["direction"] == "received"
    assert rows["missing_before"][received].sum() == sum(one.lost or 0 for one in found.streams)
    assert rows["missing_before"][~received].sum() == 0


def test_copies_are_marked():
    packets = CALLS["rtp"]().packets()
    doubled = [*packets, *(Packet(one.time_ns + 500_000, one.data) for one in packets[:40])]
    rows = table(measured(sorted(doubled, key=lambda one: one.time_ns)))
    assert rows["copy"].sum() == 40


def test_a_capture_without_a_call_has_the_columns_and_no_rows():
    rows = table(measured([]))
    assert set(rows) == set(COLUMN_TYPES)
    assert all(len(column) == 0 for column in rows.values())


def test_types_are_those_of_the_columns():
    for part in packet_columns(measured(CALLS["discord"]().packets())):
        for name, kind in COLUMN_TYPES.items():
            assert part[name].dtype.kind == np.dtype(kind).kind, name


def test_calls_are_numbered_in_order():
    second = [Packet(one.time_ns + 100 * 10**9, one.data) for one in CALLS["teams"]().packets()]
    capture = measured([*CALLS["discord"]().packets(), *second])
    rows = table(capture)
    for number, found in enumerate(capture.findings.calls):
        assert set(rows["app"][rows["call"] == number + 1].tolist()) == {found.app}


def test_parquet(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    capture = measured(CALLS["discord"]().packets())
    write_parquet(capture, tmp_path / "packets.parquet")
    written = parquet.read_table(tmp_path / "packets.parquet")
    assert written.column_names == list(COLUMN_TYPES)
    assert written.num_rows == len(table(capture)["time_s"])
    data = (tmp_path / "packets.parquet").read_bytes()
    assert CALLER not in data
    assert SERVER not in data


def test_without_the_library_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pip install pyarrow"):
        write_parquet(measured([]), tmp_path / "packets.parquet")


def test_a_place_that_cannot_be_written(tmp_path: Path):
    pytest.importorskip("pyarrow")
    with pytest.raises(FileError, match="cannot be written"):
        write_parquet(measured([]), tmp_path / "missing" / "packets.parquet")
