"""No command writes over a file that is there: it says so before it does anything."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.cli import cli
from talkpath.cli._terminal.output_file import free_place
from talkpath.cli._terminal.streams import FoldedText, folded_line
from talkpath.errors import UsageError
from talkpath.evidence.bundle import write_check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.report.check_json import judge_check
from talkpath.wire.control.keys import Signer

LINK = "talkpath://127.0.0.1:1/#" + "A" * 43


@pytest.fixture(scope="module")
def evidence() -> bytes:
    facts = run_sim(make_plan(choose_arms(["webrtc"]), k=4), Scenario.parse("clean", (), 1))
    return write_check(facts, judge_check(facts)[1], Signer.fresh())


@pytest.mark.parametrize(
    "words",
    [
        ("check", LINK, "-o"),
        ("locate", LINK, "-o"),
        ("endpoints", "--app", "telegram", "--yes", "-o"),
        ("listen", "-", "-o"),
        ("listen", "-", "--keep"),
        ("capture", "-", "-o"),
        ("capture", "-", "--html"),
        ("report", "{}", "--html"),
        ("letter", "{}", "-o"),
        ("export", "{}", "--ooni", "-o"),
    ],
    ids=" ".join,
)
def test_what_is_there_stays(words: tuple[str, ...], tmp_path: Path, evidence: bytes) -> None:
    place = tmp_path / "good.talkpath"
    place.write_bytes(evidence)
    given = [word.replace("{}", str(place)) for word in words]
    done = CliRunner().invoke(cli, [*given, str(place)], standalone_mode=False)
    assert isinstance(done.exception, UsageError), done.output
    assert str(done.exception) == "The file good.talkpath is there already; name another one. Nothing was done."
    assert place.read_bytes() == evidence


def test_each_letter_gets_a_file_of_its_own(tmp_path: Path, evidence: bytes) -> None:
    place = tmp_path / "run.talkpath"
    place.write_bytes(evidence)
    for language in ("ru", "en", "fa"):
        CliRunner().invoke(cli, ["letter", str(place), "--language", language], standalone_mode=False)
    letters = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.glob("*.html")}
    assert set(letters) == {"run.letter.html", "run.letter-2.html", "run.letter-3.html"}
    assert 'lang="ru"' in letters["run.letter.html"]


def test_a_free_place_is_the_first_one(tmp_path: Path) -> None:
    place = tmp_path / "a.talkpath"
    assert free_place(place) == place
    place.touch()
    (tmp_path / "a-3.talkpath").touch()
    assert free_place(place).name == "a-2.talkpath"
    (tmp_path / "a-2.talkpath").touch()
    assert free_place(place).name == "a-4.talkpath"


SENTENCE = "talkpath: The evidence is signed, and anybody can check it with the command that stands in the manual."


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("text", [SENTENCE, f"  {SENTENCE}", "Проверок в день: 12, " * 9])
def test_a_terminal_breaks_no_word(width: int, text: str) -> None:
    folded = folded_line(text, width)
    assert max(map(len, folded.splitlines())) <= width
    assert folded.split() == text.split()
    indent = len(text) - len(text.lstrip())
    assert {len(line) - len(line.lstrip()) for line in folded.splitlines()} == {indent}


def test_click_writes_text_to_it_and_no_bytes() -> None:
    """click asks a stream whether it takes bytes, and would write them."""
    stream = FoldedText(io.BytesIO(), "utf-8")
    with pytest.raises((TypeError, AttributeError)):
        stream.write(b"")  # type: ignore[arg-type]
    assert stream.write("\n") == 1


def test_what_somebody_copies_stays_in_one_line() -> None:
    command = f'    talkpath check "{LINK}?{"x" * 60}" --app whatsapp'
    record = json.dumps({"said": "some words " * 20})
    for text in (command, record, "\x1b[2K" + "a word " * 30, "short"):
        assert folded_line(text, 80) == text
    assert LINK * 2 in folded_line(f"It is here: {LINK * 2}", 60), "a link is never broken"
