"""Errors are told in the reader's language: each sentence of the list is one that some room says, in these words."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import talkpath
from talkpath.cli import main
from talkpath.probe.invite_link import parse_invite_link
from talkpath.report.words.errors import ERROR_SENTENCES, error_sentence
from talkpath.report.words.language import language, language_codes, speaking

SOURCE = Path(talkpath.__file__).parent


def written_texts() -> str:
    """Every text of the code, what is filled in as {}; a text that a constant ends is followed by that."""
    found = list[str]()
    for path in SOURCE.rglob("*.py"):
        for node in (
            ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if path.name != "errors.py" or (path.parent == SOURCE)
            else ()
        ):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                )
    return re.sub(r"\{\w+\}", "{}", "\n".join(found))


def test_each_sentence_is_said_somewhere():
    said = written_texts()
    looks = " An invite link looks like"
    assert [one for one in ERROR_SENTENCES if re.sub(r"\{\w+\}", "{}", one.partition(looks)[0]) not in said] == []


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_none_is_left_in_english(code: str):
    with speaking(language(code)):
        assert [one for one in ERROR_SENTENCES if error_sentence(one) == one] == []
        told = error_sentence("The file a.pcap cannot be read (No such file or directory); is its name right?")
    assert "a.pcap" in told
    assert "cannot" not in told


def test_another_text_stays_as_it_is():
    with speaking(language("ru")):
        assert error_sentence("Something else.") == "Something else."


@pytest.mark.parametrize("option", [["--language", "ru"], ["--language=ru"]])
def test_a_command_ends_in_the_language_that_it_was_asked_in(
    option: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    monkeypatch.setattr(sys, "argv", ["talkpath", "verify", str(tmp_path / "none.talkpath"), *option])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (2, "talkpath: Пакет не читается; верно ли его имя?\n")


def test_the_file_that_is_told_before_the_sentence_stays_before_it():
    with speaking(language("ru")):
        told = error_sentence("call.pcap: this gzip file cannot be unpacked: copy it again")
    assert told.startswith("call.pcap: это")


def test_half_a_link_is_told_in_it_too():
    with pytest.raises(talkpath.TalkpathError) as met:
        parse_invite_link("talkpath://example.org:1/#half")
    with speaking(language("fa")):
        assert error_sentence(str(met.value)) != str(met.value)


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_what_was_not_read_of_a_recording_is_told_in_the_readers_language(code: str):
    with speaking(language(code)):
        assert "neither" not in error_sentence("neither UDP nor TCP: ICMP")
        assert "ICMP" in error_sentence("neither UDP nor TCP: ICMP")


def test_what_a_recording_holds_unread_is_told_in_the_language_of_the_reader():
    noted = {
        part.value
        for room in ("capture", "wire/pcap")
        for path in (SOURCE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("note", "_drop")
        for part in node.args
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    assert len(noted) > 20
    made = ["link type 147", "not IP: ethertype 0x0806", "UDP header damaged or cut", "Ethernet unreadable"]
    with speaking(language("ru")):
        assert [one for one in [*noted, *made] if error_sentence(one) == one] == []
