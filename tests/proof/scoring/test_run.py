"""Checks are played in virtual time: each row describes its check, and no check is played twice."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from proof.scoring import run
from proof.scoring.draw import DrawnCheck
from proof.scoring.play import play_drawn_check
from proof.scoring.row import CheckRow, RowFile
from talkpath.apps.contract.shape import Arm

WEBRTC = Arm("webrtc", "dtls", "voice")
MEET = Arm("meet", "sfu", "voice")


def drawn(*rules: str, background: str = "clean", arms: tuple[Arm, ...] = (WEBRTC,)) -> DrawnCheck:
    return DrawnCheck(5, "rules" if rules else "null", rules, background, arms, WEBRTC, 4)


def test_a_restricted_call() -> None:
    found = play_drawn_check(drawn("media.drop,app=webrtc,direction=up,p=0.5"), "code")
    (said,) = found.said
    assert (said.state, said.rule, said.direction) == ("restricted", "media.drop", "up")
    assert not said.wrong
    assert said.real[0].parameters["p"] == 0.5
    assert isinstance(said.parameters["p"], tuple)
    assert found.hit == ("webrtc/dtls/voice",)
    assert found.blocks is not None
    assert found.blocks >= 25
    assert found.size_bytes > 100_000


@pytest.mark.long
def test_a_bystander_is_told_apart() -> None:
    found = play_drawn_check(drawn("stun.drop,app=telegram", arms=(MEET, WEBRTC)), "code")
    assert found.hit == ()
    assert found.unit == 1
    assert list(found.arms.values()) == ["ok", "ok"]


@pytest.mark.long
def test_other_methods_look_too() -> None:
    found = play_drawn_check(drawn("media.drop,p=0.5"), "code", "peers")
    assert found.look is not None
    assert found.look.rules == ("media.drop",)
    assert found.said == ()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Checks that cost nothing, on this process; which seeds were played."""
    played: list[int] = []

    def at_once(task: run.Task) -> CheckRow:
        played.append(task[0])
        return CheckRow(task[0], task[1], "null", task[2], "clean", 4)

    monkeypatch.setattr(run, "_on_time", at_once)
    return played


def test_what_is_there_is_not_played_again(tmp_path: Path, quick: list[int]) -> None:
    console = Console(file=io.StringIO())
    for seeds in ([1, 2], [1, 2, 3]):
        run.play_all(RowFile(tmp_path / "rows.jsonl", "code"), seeds, "netns", console, 1.0)
    assert quick == [1, 2, 3]
    assert "3 of 3 checks on real sockets" in console.file.getvalue()  # type: ignore[attr-defined]


def test_time_is_up(tmp_path: Path, quick: list[int]) -> None:
    for minutes in (0.0, 1e-9):
        run.play_all(RowFile(tmp_path / "rows.jsonl", "code"), [1, 2, 3], "netns", Console(file=io.StringIO()), minutes)
    assert quick == [1]


@pytest.mark.long
def test_several_processes(tmp_path: Path) -> None:
    rows = RowFile(tmp_path / "rows.jsonl", "code")
    run.play_all(rows, [3, 6], "sim", Console(file=io.StringIO()), 5.0, 2)
    assert sorted(rows.played) == [("sim", 3), ("sim", 6)]
    assert not any(row.failed for row in rows.played.values())
