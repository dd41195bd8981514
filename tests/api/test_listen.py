"""`talkpath.listen`: the recordings of a stream while it arrives, the same as those of its file."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

import talkpath

FIXTURE = Path(__file__).parents[1] / "capture" / "lab" / "freeze.pcap.gz"
LINK = f"127.0.0.1:1#{'A' * 43}"


def test_a_file_gives_the_recording_of_read_capture_and_a_moment_a_second() -> None:
    moments: list[dict[str, Any]] = []
    (recording,) = talkpath.listen(FIXTURE, progress=moments.append)
    assert recording.findings == talkpath.read_capture(FIXTURE).findings
    assert recording.name == FIXTURE.name
    assert len(moments) >= 14
    assert moments[-1]["schema"] == "talkpath.live/1"


def test_it_ends_after_so_many_seconds() -> None:
    (recording,) = talkpath.listen(FIXTURE, seconds=5.0)
    assert 4.0 < recording.findings.duration_s < 7.0


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "packets"
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(FIXTURE.read_bytes()))
    writing.start()
    (recording,) = talkpath.listen(pipe)
    writing.join()
    assert [call.app for call in recording.calls] == [call.app for call in talkpath.read_capture(FIXTURE).calls]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "one source"),
        ({"source": FIXTURE, "interface": "lo"}, "one source"),
        ({"source": FIXTURE, "link": LINK}, "Leave the link out"),
    ],
)
def test_what_cannot_be_listened_to_is_said(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(talkpath.UsageError, match=told):
        list(talkpath.listen(**arguments))


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(talkpath.FileError, match=r"gone\.pcap cannot be read"):
        list(talkpath.listen("no/such/gone.pcap"))
