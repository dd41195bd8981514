"""What is said of small recordings, whole: JSON, text and HTML are those of tests/golden/."""

from __future__ import annotations

import pytest

import write_golden


@pytest.mark.parametrize("name", write_golden.NAMES)
def test_what_is_said_of_a_recording_is_what_was_read_and_committed(name: str) -> None:
    for file, text in write_golden.golden_files(name).items():
        kept = (write_golden.GOLDEN / file).read_text(encoding="utf-8")
        assert text == kept, f"{file} differs: read why, then write them anew (make golden)"


def test_every_golden_file_is_compared() -> None:
    compared = {f"{name}.{ending}" for name in write_golden.NAMES for ending in ("json", "txt", "html")}
    assert {path.name for path in write_golden.GOLDEN.iterdir()} == compared
