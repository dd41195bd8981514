"""`export` writes lines that other people's tools read. What is in them is tests/evidence/test_ooni.py's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from talkpath.cli import cli
from talkpath.errors import BundleError, UsageError
from talkpath.evidence.archive import pack_archive


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], standalone_mode=False)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "a.talkpath"
    run("lab", "run", "--apps", "webrtc,signal", "-k", "4", "-o", path)
    return path


@pytest.mark.long
def test_one_measurement_a_line_and_an_app(bundle: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in run("export", "--ooni", bundle, bundle).stdout.splitlines()]
    assert [line["input"] for line in lines] == ["signal/voice", "webrtc/voice"] * 2
    out = tmp_path / "a.jsonl"
    told = run("export", "--ooni", bundle, "-o", out)
    assert told.stdout == ""
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == lines[:2]


def test_a_recording(tmp_path: Path, captures: Path) -> None:
    path = tmp_path / "c.talkpath"
    run("capture", captures / "telegram__a.pcap", "-o", path)
    lines = [json.loads(line) for line in run("export", "--ooni", path).stdout.splitlines()]
    assert lines
    assert {line["annotations"]["basis"] for line in lines} == {"call"}
    assert lines[0]["input"] == "telegram/voice"


def test_what_cannot_be_exported(bundle: Path, tmp_path: Path) -> None:
    assert isinstance(run("export", bundle).exception, UsageError)
    assert isinstance(run("export", "--ooni", bundle, "-o", tmp_path / "no" / "x").exception, UsageError)
    bundle.write_bytes(pack_archive({"a": b"b"}))
    assert isinstance(run("export", "--ooni", bundle).exception, BundleError)
