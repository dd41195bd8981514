"""`talkpath locate` and `talkpath lab locate` as a person meets them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TALKPATH = [sys.executable, "-m", "talkpath"]


def said(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TALKPATH, *argv], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.long
def test_the_plan_is_told_before_anything_is_sent() -> None:
    done = said("locate", "--dry-run", "--app", "webrtc")
    assert done.returncode == 0
    assert "up to about 22 MB and 120 s" in done.stdout


def test_without_a_link_the_ways_on_are_told() -> None:
    done = said("locate")
    assert (done.returncode, done.stdout) == (3, "")
    assert "respond --invite" in done.stderr


def test_a_lab_s_path_as_json() -> None:
    done = said("lab", "locate", "--path", "routers=3,at=2", "--restrict", "stun.drop", "--json")
    told = json.loads(done.stdout)
    (found,) = told["places"]
    assert (found["after"], found["by"], found["located"], told["truth"]["at"]) == (1, 2, True, 2)
    assert told["simulated"] is True


def test_a_lab_s_path_in_words() -> None:
    done = said("lab", "locate", "--path", "routers=3,at=2", "--restrict", "media.drop,p=0.8,direction=up")
    assert "It acts between router 1 (your own) and router 2" in done.stdout
    assert "SIMULATED" in done.stdout


@pytest.mark.parametrize("path", ["routers=3,at=9", "routers=many", "hops=2"])
def test_a_path_that_is_none(path: str) -> None:
    done = said("lab", "locate", "--path", path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
