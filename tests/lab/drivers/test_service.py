"""A process that its owner starts, stops and outlives, or not."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from talkpath.lab.drivers.delivery import RouterHealth
from talkpath.lab.drivers.loopback import RelayJob, forward_packets
from talkpath.lab.drivers.service import Service
from talkpath.lab.scenario import Scenario

JOB = RelayJob(Scenario.parse("clean", []).network(), ())


def test_it_answers_when_ready_and_reports_when_stopped() -> None:
    with Service(forward_packets, JOB) as service:
        assert service.answer == []
    assert isinstance(service.health, RouterHealth)


def test_an_error_in_the_block_ends_the_process_and_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), Service(forward_packets, JOB) as service:
        _ = 1 / 0
    assert service.health is None


def test_a_process_that_ends_by_itself_is_told_with_its_exit_code() -> None:
    with pytest.raises(RuntimeError, match="ended by itself, exit code 1"):
        Service(os.getpid, None)  # type: ignore[arg-type]  # raises there: it takes no arguments


OWNER = textwrap.dedent("""
    import os
    from talkpath.lab.drivers.loopback import RelayJob, forward_packets
    from talkpath.lab.scenario import Scenario
    from talkpath.lab.drivers.service import Service
    service = Service(forward_packets, RelayJob(Scenario.parse("clean", []).network(), ()))
    os._exit(0)
""")


def test_it_ends_with_its_owner() -> None:
    # Standard error is the process's own too: it is closed when both have ended.
    done = subprocess.run([sys.executable, "-c", OWNER], capture_output=True, timeout=20, check=True)
    assert done.stderr == b""
