"""What commands exit with: a code for each error, and for each result of a check."""

from __future__ import annotations

from types import SimpleNamespace

import click
import pytest

from talkpath.cli import main
from talkpath.cli._terminal.exit_codes import error_exit_code, gate_exit_code, result_exit_code
from talkpath.errors import BundleError, FileError, PeerError, TalkpathError, UsageError, WireError
from talkpath.evidence.bundle import FormatVersionError
from talkpath.observatory.log.segments import LogError

LANGUAGE = click.Option(["--language"], expose_value=False)


def _interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (FileError, 2),
        (WireError, 2),
        (PeerError, 3),
        (LogError, 3),
        (BundleError, 4),
        (FormatVersionError, 4),
    ],
)
def test_every_error_has_its_code(error: type[TalkpathError], code: int) -> None:
    assert error_exit_code(error("said")) == code


@pytest.mark.parametrize(
    ("measured", "ended", "code"), [(True, "interrupted", 0), (False, "interrupted", 130), (False, "", 3)]
)
def test_a_check_that_measured_nothing_says_whether_somebody_stopped_it(measured: bool, ended: str, code: int) -> None:
    result = SimpleNamespace(measured=measured, facts=SimpleNamespace(health=SimpleNamespace(ended=ended)))
    assert result_exit_code(result) == code  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "said"), [("en", "talkpath: Stopped."), ("ru", "talkpath: Остановлено.")])
def test_who_stops_a_command_is_told_so_in_the_language_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str, said: str
) -> None:
    monkeypatch.setattr("sys.argv", ["talkpath", "asked", "--language", language])
    with pytest.raises(SystemExit) as ended:
        main(click.Group(commands={"asked": click.Command("asked", callback=_interrupted, params=[LANGUAGE])}))
    assert (ended.value.code, capsys.readouterr().err.strip()) == (130, said)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 0),
        (("ok", "ok"), 0),
        (("ok", "insufficient", "restricted"), 10),
        (("closed", "ok"), 11),
        (("unreachable", "insufficient"), 12),
    ],
)
def test_the_gate_follows_the_worst_state(states: tuple[str, ...], code: int) -> None:
    result = SimpleNamespace(verdicts=[SimpleNamespace(state=state) for state in states])
    assert gate_exit_code(result) == code  # type: ignore[arg-type]
