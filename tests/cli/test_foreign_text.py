"""Text from outside is printed as it is: it styles nothing, it steers no terminal, it passes for no other text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table

import talkpath
from talkpath.cli import cli, main
from talkpath.cli._terminal.screen import screen
from talkpath.evidence.bundle import write_capture
from talkpath.measure.call import Findings
from talkpath.wire.control.keys import Signer

EVIL = "\x1b[31mred\u202egnp.exe\nNothing was changed"


def run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(cli, [str(one) for one in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.mark.parametrize("text", ["[fd00::1]:3478-[fe80::2]:4/udp", "[bold]x[/bold]", "[/closed]", ":key: :warning:"])
def test_the_screen_takes_nothing_for_markup(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    screen(width=80).print(text)
    table = Table("column")
    table.add_row(text)
    screen(width=80).print(table)
    screen(stderr=True, width=80).print(text)
    captured = capsys.readouterr()
    assert captured.out.count(text) == 2
    assert captured.err.count(text) == 1


def test_what_a_recording_calls_unread_is_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "a.talkpath"
    findings = Findings(3, 1.0, {"[/x] [bold]y :key:": 3}, (), ())
    path.write_bytes(write_capture(findings, {}, Signer.fresh()))
    assert "Not read, or not whole: 3 × [/x] [bold]y :key:." in run("report", path)


def test_an_operators_name_cannot_pass_for_a_sentence(tmp_path: Path) -> None:
    path, names = tmp_path / "a.talkpath", tmp_path / "known.json"
    talkpath.simulate(apps=["webrtc"], flows=4).save(path)
    key = talkpath.verify(path).record["receipt"]["responder"]
    known = [{"key": key, "operator": EVIL}]
    names.write_text(json.dumps({"schema": "talkpath.responders/1", "responders": known}))
    text = run("verify", path, "--responders", names)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "listed: \\x1b[31mred\\u202egnp.exe\\nNothing was changed)" in text
    assert json.loads(run("verify", path, "--responders", names, "--json"))["receipt"]["operator"] == EVIL


def test_names_of_files_that_are_written_are_escaped(tmp_path: Path) -> None:
    path, page = tmp_path / "a.talkpath", tmp_path / "\x1b[31mpage.html"
    talkpath.simulate(apps=["webrtc"], flows=4).save(path)
    done = CliRunner().invoke(cli, ["report", str(path), "--html", str(page)], standalone_mode=False)
    assert page.exists()
    assert "\x1b" not in done.output
    assert "\\x1b[31mpage.html" in done.output


def test_an_error_escapes_names_of_files_and_not_what_sets_them_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In right-to-left text names stand in isolates, which are characters that a name itself must not have."""
    monkeypatch.setattr("sys.argv", ["talkpath", "capture", "\x1b[31m\u2067none.pcap", "--language", "ar"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().err
    assert "\u2068\\x1b[31m\\u2067none.pcap\u2069" in told
    assert told.count("\\u") == 1
