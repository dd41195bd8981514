"""Fixtures shared by all tests, and the list of what was not run and why.

A test that cannot run on this machine skips with "needs WHAT: HOW TO GET IT". The run ends with those reasons.
Those marked `long` are run by `make test-long`, for `make test` is to end within six minutes on two cores. Property
tests have 30 examples in `make test`; `make test-long` plays them again with 200 (HYPOTHESIS_PROFILE=thorough).
Tests that wait for real time to pass (`waits`) and those that only compute are lanes of their own: run_lanes.py.
Where TALKPATH_NOTHING_SKIPPED is set (as .ci/run does) a skipped test is a failure of the run, but for MAY_BE_ABSENT.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: how long a busy machine takes says nothing of the code.
settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
os.environ["LANGUAGE"] = "en"  # tests read English, whatever this machine speaks; so do the programs that they start

CAPTURES = Path(os.environ.get("TALKPATH_CAPTURES", Path(__file__).parents[2] / "shared" / "captures"))

# Other people's captures are never part of the repository, so a clone alone does not have them.
# And a run on real sockets that was late is void, which the lab itself says: no verdict is right or wrong then.
MAY_BE_ABSENT = ("needs the public captures", "this machine was too busy")


# What a module names that starts programs, servers or browsers, and waits for them.
WAITING = re.compile(
    r"local_responder|observe_process|webhook_server|in_lab|in_browser|playwright|uvicorn|run_loopback|run_netns"
    r"|subprocess|start_page_server|namespace\.|ThreadingHTTPServer|time\.sleep|asyncio\.run"
)


BROWSERS = re.compile("in_browser|playwright")


@cache
def marks_of_module(module: Path) -> tuple[str, ...]:
    """`waits`: the tests of a module wait for real time to pass rather than compute. `long`: they start browsers."""
    text = module.read_text(encoding="utf-8")
    return tuple(mark for mark, words in (("waits", WAITING), ("long", BROWSERS)) if words.search(text))


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of public captures; a test that needs it says so where it is missing."""
    if not (CAPTURES / "truth.json").exists():
        pytest.skip("needs the public captures: set TALKPATH_CAPTURES to their folder")
    return CAPTURES


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "captures: reads the public captures (given to every test that asks for them)")
    config.addinivalue_line("markers", "property: many drawn examples (given to every test of hypothesis)")
    config.addinivalue_line("markers", "waits: for real time to pass (given to tests of modules that start programs)")
    config.addinivalue_line("markers", "long: a second of a core, or six of waiting, or a browser: `make test-long`")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m captures` (as `make captures` runs) selects the tests that use the fixture; other marks alike."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")
        for mark in marks_of_module(item.path):
            item.add_marker(mark)
        if "captures" in getattr(item, "fixturenames", ()):
            item.add_marker("captures")


def not_run(reporter: pytest.TerminalReporter) -> Counter[str]:
    """How many tests were skipped for each reason."""
    reasons = (str(report.longrepr[2]) for report in reporter.stats.get("skipped", ()))
    return Counter(reason.removeprefix("Skipped: ") for reason in reasons)


def forbidden(reasons: Counter[str]) -> list[str]:
    """The reasons that fail the run, in this environment."""
    if not os.environ.get("TALKPATH_NOTHING_SKIPPED"):
        return []
    return [reason for reason in reasons if not reason.startswith(MAY_BE_ABSENT)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and forbidden(not_run(reporter)) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = not_run(terminalreporter)
    terminalreporter.write_line("")
    is_short = terminalreporter.config.option.markexpr.startswith("not long")
    if is_short:
        terminalreporter.write_line("not run: the long tests (make test-long)")
    elif not reasons:
        terminalreporter.write_line("not run: nothing")
    for reason, count in sorted(reasons.items()):
        failed = " (a failure: TALKPATH_NOTHING_SKIPPED is set)" if reason in forbidden(reasons) else ""
        terminalreporter.write_line(f"not run: {count} {'test' if count == 1 else 'tests'}, {reason}{failed}")
