"""An invite link need not stand where every program on this machine can read it: -, a file, or TALKPATH_LINK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from talkpath.cli import cli
from talkpath.conduct.request import CheckRequest
from talkpath.probe.invite_link import InviteLink

LINK = f"talkpath://127.0.0.1:9/#{'A' * 42}A"
COMMANDS = (["check", "--app", "webrtc"], ["locate", "--app", "webrtc"], ["watch", "--times", "2", "--app", "webrtc"])


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The links that a check was begun with."""
    given: list[str] = []

    def measure(request: CheckRequest, link: InviteLink, *more: Any) -> Any:
        given.append(link.text())
        raise KeyboardInterrupt

    monkeypatch.setattr("talkpath.conduct.run_check.run_check", measure)
    return given


def run(*arguments: str, text: str = "", **environment: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=text, env=environment, standalone_mode=False)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_link_is_read_from_where_nobody_else_reads(command: list[str], links: list[str], tmp_path: Path):
    file = tmp_path / "link.txt"
    file.write_text(f"{LINK}\n")
    run(*command, "-", text=f"{LINK}\n")
    run(*command, str(file))
    run(*command, TALKPATH_LINK=LINK)
    run(*command, LINK)
    assert links == [LINK] * 4


def test_what_is_no_link_is_still_said_to_be_none(links: list[str]):
    done = run("check", "no-such-file")
    assert links or "link" in str(done.exception) + done.output
