"""`talkpath campaign`, and whoever takes part: what it will do is shown first, and nothing begins without a yes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner, Result

from talkpath.cli import cli
from talkpath.conduct.repeated_checks import Bounds
from talkpath.errors import UsageError
from talkpath.evidence.bundle import write_check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.report.check_json import judge_check
from talkpath.report.words.language import language_codes
from talkpath.wire.control.campaign import read_campaign
from talkpath.wire.control.keys import Signer

LINK = "talkpath://127.0.0.1:1/#" + "A" * 43


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=answer, standalone_mode=False)


def day(later: int) -> str:
    return (datetime.now(UTC) + timedelta(days=later)).date().isoformat()


@pytest.fixture(autouse=True)
def private_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKPATH_PRIVATE_SERVERS", "1")


@pytest.fixture
def campaign(tmp_path: Path) -> str:
    told = run("campaign", LINK, "--by", "Anna's class", "--until", day(3), "--app", "telegram", "--key",
               str(tmp_path / "key.pem"))  # fmt: skip
    assert told.exception is None, told.output
    return told.stdout.strip()


def test_the_same_key_signs_the_next_one(tmp_path: Path, campaign: str) -> None:
    again = run("campaign", LINK, "--by", "Anna's class", "--until", day(2), "--key", str(tmp_path / "key.pem"))
    assert read_campaign(again.stdout).key == read_campaign(campaign).key
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("code", language_codes())
def test_volunteers_read_it_first_and_no_answer_is_a_no(campaign: str, code: str) -> None:
    told = run("watch", "--campaign", campaign, "--language", code, answer="n\n")
    assert isinstance(told.exception, click.Abort), "exit code 130, as wherever somebody declines"
    for shown in ("Anna's class", "Telegram", read_campaign(campaign).ends, read_campaign(campaign).key):
        assert shown in told.stderr
    assert "\\u" not in told.stderr, "what keeps names in their place in Arabic is no text of others"
    assert told.stdout == ""


def test_nobody_can_pass_off_anothers_key_as_their_own(tmp_path: Path) -> None:
    name = f"Amnesty (key {'A' * 43})"
    told = run(
        "campaign", LINK, "--by", name, "--until", day(3), "--app", "telegram", "--key", str(tmp_path / "key.pem")
    )
    shown = run("watch", "--campaign", told.stdout, answer="n\n").stderr
    assert f"by the key {read_campaign(told.stdout).key}. Whoever has it calls themselves “{name}”." in shown


def test_a_file_may_hold_it(tmp_path: Path, campaign: str) -> None:
    file = tmp_path / "campaign.txt"
    file.write_text(campaign + "\n", encoding="utf-8")
    assert "Anna's class" in run("watch", "--campaign", str(file), answer="n\n").stderr


@pytest.mark.parametrize("more", [("--times", "2"), ("--for", "1"), ("--app", "signal")])
def test_nobody_changes_what_was_signed(campaign: str, more: tuple[str, str]) -> None:
    assert "says itself" in str(run("watch", "--campaign", campaign, *more).exception)


def test_a_changed_one_and_one_that_is_over_are_refused(tmp_path: Path, campaign: str) -> None:
    assert isinstance(run("watch", "--campaign", campaign[:-9] + "AAAAAAAAA").exception, UsageError)
    over = run("campaign", LINK, "--by", "x", "--until", day(-1), "--key", str(tmp_path / "key.pem"))
    assert isinstance(over.exception, UsageError)
    long = run("campaign", LINK, "--by", "x", "--until", day(40), "--key", str(tmp_path / "key.pem"))
    assert "31 days" in str(long.exception)


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.1", "[::1]", "[fec0::1]", "localhost"])
def test_it_leads_nobody_into_their_own_network(tmp_path: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.conduct.repeated_checks.repeat_checks", pytest.fail)
    link = f"talkpath://{host}:22/#{'A' * 43}"
    make = ("campaign", link, "--by", "x", "--until", day(3), "--key", str(tmp_path / "key.pem"))
    made = run(*make)
    monkeypatch.delenv("TALKPATH_PRIVATE_SERVERS")
    assert "no public address" in str(run(*make).exception), "its organiser is told, before any volunteer is"
    refused = run("watch", "--campaign", made.stdout.strip(), "--yes")
    assert "no public address" in str(refused.exception)


def test_a_name_that_leads_nowhere_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.conduct.repeated_checks.repeat_checks", pytest.fail)
    make = ("campaign", f"talkpath://check.invalid:22/#{'A' * 43}", "--by", "x", "--until", day(3), "--key",
            str(tmp_path / "key.pem"))  # fmt: skip
    made = run(*make)
    monkeypatch.delenv("TALKPATH_PRIVATE_SERVERS")
    monkeypatch.setattr("socket.getaddrinfo", Mock(side_effect=OSError))
    for told in (run(*make), run("watch", "--campaign", made.stdout.strip(), "--yes")):
        assert "No address was found" in str(told.exception)


def test_watch_waits_until_it_begins_and_ends_when_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept, bounds = list[float](), list[Bounds]()
    monkeypatch.setattr("talkpath.cli.watch.WallClock.sleep", lambda clock, seconds: slept.append(seconds))
    monkeypatch.setattr(
        "talkpath.conduct.repeated_checks.repeat_checks", lambda measure, given, *rest, **more: bounds.append(given)
    )
    made = run("campaign", LINK, "--by", "x", "--from", day(2), "--until", day(3), "--key", str(tmp_path / "key.pem"))
    told = run("watch", "--campaign", made.stdout.strip(), "--yes")
    assert "It waits until" in told.stderr
    assert 86_400 < slept[0] <= 2 * 86_400
    assert (bounds[0].times, bounds[0].for_s) == (4, pytest.approx(2 * 86_400 - 60, abs=1.0))


def test_its_link_lasts_as_long_as_it_does(tmp_path: Path) -> None:
    def made(later: int) -> Result:
        link = f"talkpath://127.0.0.1:1/?until={day(later)}T22:03Z#{'A' * 43}"
        return run("campaign", link, "--by", "x", "--until", day(3), "--key", str(tmp_path / "key.pem"))

    assert "ends before the campaign" in str(made(1).exception)
    assert "ends before the campaign" in str(made(3).exception), "on its last day, before that is over"
    assert made(4).exception is None


def test_a_restart_begins_no_new_count(tmp_path: Path, campaign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = list[Bounds]()
    monkeypatch.setattr(
        "talkpath.conduct.repeated_checks.repeat_checks", lambda measure, given, *rest, **more: bounds.append(given)
    )
    for kept in range(2):
        told = run("watch", "--campaign", campaign, "--yes", "-o", str(tmp_path))
        assert ("check-0001.talkpath --to URL" in told.stderr) == (kept > 0)
        facts = run_sim(make_plan(choose_arms(["webrtc"]), k=4), Scenario.parse("clean", (), kept))
        (tmp_path / f"check-{kept + 1:04}.talkpath").write_bytes(
            write_check(facts, judge_check(facts)[1], Signer.fresh())
        )
    assert [each.times for each in bounds] == [bounds[0].times, bounds[0].times - 1]
