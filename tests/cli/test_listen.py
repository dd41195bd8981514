"""`talkpath listen` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from proof.accompanied_calls import play_accompanied_call
from talkpath.api.recording import read_capture
from talkpath.api.verification import read_bundle
from talkpath.cli import cli
from talkpath.errors import FileError, TalkpathError, UsageError
from talkpath.evidence.bundle import write_capture
from talkpath.lab.scenario import Scenario
from talkpath.report.recordings import capture_json
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.wire.control.keys import Signer

FIXTURE = Path(__file__).parents[1] / "capture" / "lab" / "freeze.pcap.gz"


def listen(*arguments: str, input: bytes = b"") -> Result:
    done = CliRunner().invoke(cli, ["listen", *arguments], input=input)
    if isinstance(done.exception, TalkpathError):
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
    assert read_bundle(bundle).findings == whole.findings
    assert [call.streams for call in read_capture(kept).calls] == [call.streams for call in whole.calls]


@pytest.mark.parametrize("arguments", [(), ("x.pcap", "-i", "lo")])
def test_exactly_one_source_is_taken(arguments: tuple[str, ...]):
    with pytest.raises(UsageError, match="one source"):
        listen(*arguments)


@pytest.mark.parametrize("arguments", [("a.pcap", "b.pcap"), ("-", "talkpath://h/#k", "talkpath://i/#k")])
def test_one_file_and_one_link_at_most(arguments: tuple[str, ...]):
    with pytest.raises(UsageError, match="one source"):
        listen(*arguments)


def test_a_file_takes_no_link():
    with pytest.raises(UsageError, match="A file is played"):
        listen(str(FIXTURE), "talkpath://198.51.100.7/#AAAA")


def test_the_plan_tells_what_control_traffic_costs_and_light_is_less():
    whole, light = (json.loads(listen("--dry-run", "--json", *more).stdout) for more in ((), ("--light",)))
    assert (whole["flows"], light["flows"]) == (8, 3)
    assert 5e6 < whole["bytes_minute"] < 8e6
    assert light["bytes_minute"] * 8 == whole["bytes_minute"] * 3
    told = listen("--dry-run").stdout
    assert "8 connections to the test server" in told
    assert "6.6\xa0MB a minute" in told


def accompanied(path: Path, seed: int) -> Path:
    """The bundle of an accompanied call that is held to a low rate."""
    scenario = Scenario.parse("clean", ["media.police,app=whatsapp,to=app,kbps=16"], seed=seed)
    found = play_accompanied_call("whatsapp", 12.0, scenario, seed=seed, flows=3).findings
    record = msgspec.to_builtins(capture_json.capture_result("-", judge_recording(found)))
    path.write_bytes(write_capture(found, record, Signer.fresh()))
    return path


@pytest.mark.long
def test_calls_in_bundles_are_judged_again_verified_and_joined(tmp_path: Path):
    bundles = [accompanied(tmp_path / f"{seed}.talkpath", seed) for seed in (1, 2, 3)]
    for command in ("judge", "report", "verify"):
        done = CliRunner().invoke(cli, [command, str(bundles[0])])
        assert done.exit_code == 0, done.output
        assert command == "verify" or "control connections to another server lost 0.0%" in " ".join(done.output.split())
    once = json.loads(listen(str(FIXTURE), "--json", "--with", str(bundles[0])).stdout.splitlines()[-1])
    assert once == {"schema": "talkpath.together/1", "together": []}
    again = [word for path in (*bundles[:2], bundles[0]) for word in ("--with", str(path))]
    assert json.loads(listen(str(FIXTURE), "--json", *again).stdout.splitlines()[-1])["together"] == [], "one twice"
    every = [word for path in bundles for word in ("--with", str(path))]
    (verdict,) = json.loads(listen(str(FIXTURE), "--json", *every).stdout.splitlines()[-1])["together"]
    assert (verdict["state"], verdict["rule"], verdict["direction"]) == ("restricted", "media.police", "down")
    assert "3 calls of WhatsApp suffered alike" in " ".join(listen(str(FIXTURE), *every).stdout.split())


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(FileError, match=r"gone\.pcap cannot be read"):
        listen("no/such/gone.pcap")
