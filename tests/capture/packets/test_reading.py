"""Reading a file a block at a time, in a thread ahead of the rest."""

from __future__ import annotations

import gzip
import io
import threading
from pathlib import Path

import pytest

from talkpath.capture.calls.records import findings
from talkpath.capture.packets.reading import ahead
from talkpath.capture.scan import scan
from talkpath.errors import WireError
from talkpath.wire.pcap import read

LAB = Path(__file__).parents[1] / "lab"


@pytest.mark.parametrize("name", ["ge.pcap.gz", "reorder.pcap.gz", "size_drop.pcap.gz"])
def test_the_facts_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch):
    """Blocks are small, so that each stream lies in many."""
    monkeypatch.setattr(read.blocks, "__defaults__", (1 << 16,))
    data = gzip.decompress((LAB / name).read_bytes())
    before = [findings(scan(io.BytesIO(data), jobs=jobs)) for jobs in (1, 2)]
    assert before[0].calls
    assert before[0] == before[1]


def test_what_could_not_be_read_is_counted_once():
    data = gzip.decompress((LAB / "ge.pcap.gz").read_bytes())[:-7]
    counts = [scan(io.BytesIO(data), jobs=jobs).unread for jobs in (1, 2)]
    assert counts[0]["record cut off at the end of the file"] == 1
    assert counts[0] == counts[1]


def test_a_block_is_read_while_the_one_before_is_looked_at():
    begun = threading.Event()

    def blocks():
        yield "first"
        begun.set()
        yield "second"

    read_ahead = ahead(blocks())
    assert next(read_ahead) == "first"
    assert begun.wait(5)
    assert list(read_ahead) == ["second"]


def test_an_error_while_reading_ahead_is_raised():
    with pytest.raises(WireError, match="no capture"):
        scan(io.BytesIO(b"nothing of the kind"), jobs=2)
