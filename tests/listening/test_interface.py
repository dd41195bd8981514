"""A network interface that is watched: packets of a real socket, the kernel's filter, its times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.errors import UsageError
from talkpath.lab.drivers.namespace import system_tool, why_unavailable
from talkpath.listening.packet_streams import InterfaceStream

SCRIPT = Path(__file__).with_name("interface_in_namespace.py")
TWO_INTERFACES = Path(__file__).with_name("two_interfaces_in_namespace.py")


@pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable() or "")
def test_a_call_on_an_interface_is_shown_and_told():
    command = [str(system_tool("unshare")), "-rn", sys.executable, str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == 0, told["told"]
    assert told["first"]["schema"] == "talkpath.live/1"
    *pictures, result = told["lines"]
    (call,) = result["calls"]
    assert result["packets"] == 400, "the kernel took UDP once, and no TCP at that port"
    assert [stream["packets"] for stream in call["streams"]] == [200, 200]
    assert all(stream["lost"] == 0 for stream in call["streams"])
    assert any(picture["calls"] and picture["calls"][0]["running"] for picture in pictures)
    assert "127.0.0.1" not in done.stdout + done.stderr


@pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable() or "")
def test_all_interfaces_are_watched_and_the_own_addresses_tell_what_was_sent():
    command = [str(system_tool("unshare")), "-rn", sys.executable, str(TWO_INTERFACES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == 0, told["told"]
    calls = told["result"]["calls"]
    assert len(calls) == 3
    for call in calls:
        counted = {stream["direction"]: (stream["packets"], stream["lost"]) for stream in call["streams"]}
        assert counted == {"sent": (100, 0), "received": (90, 10)}
        assert not call.get("guessed_ends")
    assert not any(text in done.stdout + done.stderr for text in ("192.0.2", "198.51.100", "2001:db8"))


def test_an_interface_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UsageError, match=r"CAP_NET_RAW|there are: .*lo"):
        InterfaceStream("no-such-interface")
