"""A bundle that is slow to judge ends in one sentence, after a bounded time of the processor."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.api import verification
from talkpath.cli import cli
from talkpath.cli._terminal import judging_time as _judging_time
from talkpath.errors import BundleError

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX: run it on Linux")


def forever(*_: object, **__: object) -> None:
    while True:
        pass


@pytest.mark.long
@pytest.mark.parametrize("command", ["judge", "report", "verify"])
def test_a_judge_that_does_not_end_is_ended(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.talkpath"
    made = CliRunner().invoke(cli, ["lab", "run", "--apps", "webrtc", "-k", "4", "--seed", "3", "-o", str(path)])
    assert made.exit_code == 0
    monkeypatch.setattr(_judging_time, "MOST_CPU_S", 0.5)
    monkeypatch.setattr(verification, "judge", forever)
    monkeypatch.setattr(verification, "verify", forever)
    before = signal.getsignal(signal.SIGPROF)
    done = CliRunner().invoke(cli, [command, str(path)], standalone_mode=False)
    assert isinstance(done.exception, BundleError)
    assert str(done.exception) == _judging_time.TAKES_TOO_LONG
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_a_judge_that_ends_is_left_alone(tmp_path: Path) -> None:
    @_judging_time.limited_judging
    def quick(value: int) -> int:
        return value + 1

    assert quick(1) == 2
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
