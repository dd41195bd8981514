"""`talkpath listen` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from talkpath.api.recording import read_capture
from talkpath.cli import cli
from talkpath.errors import UsageError
from talkpath.evidence.file import read_file

FIXTURE = Path(__file__).parents[1] / "capture" / "lab" / "freeze.pcap.gz"


def listen(*arguments: str, input: bytes = b"") -> Result:
    done = CliRunner().invoke(cli, ["listen", *arguments], input=input)
    if isinstance(done.exception, UsageError):
        raise done.exception
    assert done.exception is None, done.exception
    return done


def test_the_result_is_that_of_capture_after_a_line_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    *moments, result = map(json.loads, listen(str(FIXTURE), "--json").stdout.splitlines())
    assert result == json.loads(CliRunner().invoke(cli, ["capture", str(FIXTURE), "--json"]).stdout)
    assert len(moments) >= 14
    assert [moment["at_s"] for moment in moments] == sorted(moment["at_s"] for moment in moments)
    (live,) = moments[-1]["calls"]
    (call,) = result["calls"]
    assert (live["app"], live["media"]) == (call["app"], call["media"])
    assert live["sent"]["packets"] == sum(one["packets"] for one in call["streams"] if one["direction"] == "sent")
    assert not list(tmp_path.iterdir()), "nothing is written unless it was asked for"


def test_text_guides_and_then_tells(tmp_path: Path):
    done = listen(str(FIXTURE))
    assert "Call somebody now" in done.stderr
    assert "Stay in the call" in done.stderr
    assert "silent from" in done.stdout
    assert "Позвоните кому-нибудь" in listen(str(FIXTURE), "--language", "ru").stderr


def test_evidence_and_a_scrubbed_capture_are_written_where_they_were_asked_for(tmp_path: Path):
    bundle, kept = tmp_path / "call.talkpath", tmp_path / "kept.pcapng"
    listen(str(FIXTURE), "-o", str(bundle), "--keep", str(kept))
    whole = read_capture(FIXTURE)
    assert read_file(bundle).findings == whole.findings
    assert [call.streams for call in read_capture(kept).calls] == [call.streams for call in whole.calls]


@pytest.mark.parametrize("arguments", [(), ("x.pcap", "-i", "lo")])
def test_exactly_one_source_is_taken(arguments: tuple[str, ...]):
    with pytest.raises(UsageError, match="one source"):
        listen(*arguments)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"gone\.pcap cannot be read"):
        listen("no/such/gone.pcap")
