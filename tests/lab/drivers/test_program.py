"""Programs that a driver runs on this machine itself."""

from __future__ import annotations

import sys

import pytest

from talkpath.errors import PeerError
from talkpath.lab.drivers.program import Program

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)"]


def test_a_line_is_waited_for_and_the_block_ends_the_program() -> None:
    with Program.local(SLEEPER) as program:
        assert program.line("wake") == "awake"
    outcome = program.stop()
    assert outcome.exit_code != 0
    assert (outcome.stdout.split(), outcome.stderr, outcome.timed_out) == ([b"awake"], b"", False)


def test_exit_code_and_both_streams_are_kept() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    outcome = Program.local([sys.executable, "-c", code]).finish(20)
    assert (outcome.exit_code, outcome.stdout.split(), outcome.stderr.split()) == (7, [b"out"], [b"err"])


def test_what_does_not_end_in_its_time_is_killed_and_said_so() -> None:
    program = Program.local(SLEEPER)
    program.line("awake")
    assert program.finish(0.05).timed_out


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('almost', end='')", "it wrote no error."),
        ("import sys; sys.exit('No port is free.')", "No port is free."),
    ],
)
def test_a_program_that_ends_before_it_is_ready_is_told_with_its_last_words(code: str, words: str) -> None:
    with Program.local([sys.executable, "-c", code]) as program, pytest.raises(PeerError, match=words):
        program.line("almost")
