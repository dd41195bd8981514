"""Reading a file a block at a time."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.errors import WireError
from talkpath.wire.pcap import read

LAB = Path(__file__).parents[1] / "lab"


@pytest.mark.parametrize("name", ["ge.pcap.gz", "reorder.pcap.gz", "size_drop.pcap.gz"])
def test_the_facts_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch):
    """In small blocks each stream lies in many."""
    data = gzip.decompress((LAB / name).read_bytes())
    whole = measure_calls(scan_capture(io.BytesIO(data))).findings
    monkeypatch.setattr(read.frame_blocks, "__defaults__", (1 << 16,))
    assert whole.calls
    assert measure_calls(scan_capture(io.BytesIO(data))).findings == whole


def test_what_could_not_be_read_is_counted_once():
    data = gzip.decompress((LAB / "ge.pcap.gz").read_bytes())[:-7]
    assert scan_capture(io.BytesIO(data)).unread["record cut off at the end of the file"] == 1


def test_what_is_no_capture_is_an_error():
    with pytest.raises(WireError, match="no capture"):
        scan_capture(io.BytesIO(b"nothing of the kind"))
