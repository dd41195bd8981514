"""Progress on stderr: a bar on a terminal, a line for each new question elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.report.check_progress import CheckProgressBar, question_in_words
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.question import RateContrast

PLAN = make_plan(choose_arms(["telegram"]))
ARM = Arm("telegram", "tgcalls", "voice")


def heard(*events: PlannedEpoch | None, terminal: bool = False) -> str:
    out = io.StringIO()
    with CheckProgressBar(Console(file=out, force_terminal=terminal, width=100), PLAN) as progress:
        for number, question in enumerate(events):
            facts = Facts(PLAN, bytes_sent=1000 * number)
            if question is None:
                progress.epoch_ended(facts)
            else:
                progress.question_asked(facts, question)
    return out.getvalue()


def test_elsewhere_each_new_question_is_one_line() -> None:
    first, second = PlannedEpoch(ARM), PlannedEpoch(ARM, RateContrast(0.5))
    assert heard(first, None, first, second).splitlines() == [
        "Telegram voice: calls beside control traffic",
        "Telegram voice: the same at another rate",
    ]


def test_without_a_question_nothing_is_printed() -> None:
    assert heard(None, None) == ""


def test_on_a_terminal_there_is_a_bar_and_no_lines() -> None:
    text = heard(PlannedEpoch(ARM), terminal=True)
    assert "calls beside control traffic" in text
    assert not text.startswith("Telegram voice")


@pytest.mark.parametrize("code", language_codes())
def test_every_question_of_a_check_has_words(code: str) -> None:
    with speaking(language(code)):
        words = {kind: question_in_words(kind) for kind in ("baseline", "watch", "rate", "hello", "tcp", "transport")}
    assert len(set(words.values())) == len(words)
    assert all(text != kind for kind, text in words.items())


def test_a_question_without_words_is_told_by_its_code() -> None:
    assert question_in_words("telepathy") == "telepathy"


@pytest.mark.long
def test_what_arrived_so_far_is_told_of_the_app_in_question() -> None:
    facts = run_sim(PLAN, Scenario.parse("clean", ["media.drop,app=telegram,p=0.5"], 1))
    baseline = [epoch for epoch in facts.epochs if epoch.question.kind == "baseline"]
    out = io.StringIO()
    with CheckProgressBar(Console(file=out, force_terminal=True, width=80), PLAN) as progress:
        for count in (1, 2):
            progress.epoch_ended(replace(facts, epochs=tuple(baseline[:count])))
        progress.question_asked(replace(facts, epochs=tuple(baseline[:2])), PlannedEpoch(ARM))
    told = re.search(r"arrived so far: calls (\d+) %, control traffic (\d+) %", out.getvalue())
    assert told is not None
    assert 35 <= int(told[1]) <= 75
    assert int(told[2]) == 100


def test_each_server_of_a_list_that_is_tried_is_one_line_however_long() -> None:
    out = io.StringIO()
    with CheckProgressBar(Console(file=out, width=20), PLAN) as progress:
        progress.server_tried(1, 2, "XX", "A very long name of an operator")
        progress.second_server_asked()
        progress.server_tried(1, 2, "YY", "Another")
    lines = out.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["talkpath"] * 3
    assert "A very long name of an operator" in lines[0]
    assert "Another" in lines[2]
