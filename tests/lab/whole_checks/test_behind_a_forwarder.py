"""Real checks behind a forwarder of the tests' own: what nftables alone cannot do to calls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from factories.networks.local_responder import FarEnd, Probe, Told, run_talkpath, small_plan
from factories.networks.udp_forwarder import Act, Cut, ForwardedFlow, UdpForwarder, Way
from talkpath.conduct.repeated_checks import Bounds, repeat_checks
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts
from talkpath.verdict.bases.repeated import join_runs
from talkpath.wire.rtc.stun import COOKIE_BYTES

DELAY_S, TRIES = 0.15, 3
HERE, ELSEWHERE = "127.0.0.9", "127.0.0.10"


def late(flow: ForwardedFlow, way: Way, data: bytes) -> float | None:
    return DELAY_S


def three_of_twelve(flow: ForwardedFlow, way: Way, data: bytes) -> float | None:
    return None if flow.media[way] % 12 < 3 else 0.0


def untouched(flow: ForwardedFlow, way: Way, data: bytes) -> float | None:
    return 0.0


def on_time(ask: Callable[[], Told]) -> Told:
    """Asks again where this machine was too busy to send on time."""
    for _ in range(TRIES):
        told = ask()
        if "late" not in [(verdict["reason"] or {}).get("code") for verdict in told.result["verdicts"]]:
            return told
    pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")


@pytest.mark.long
@pytest.mark.parametrize(("rule", "act"), [("media.delay", late), ("media.unknown", three_of_twelve)])
def test_a_check_names_what_a_forwarder_does_to_calls(rule: str, act: Act, tmp_path: Path) -> None:
    plan = small_plan(tmp_path, 25.0, 6_000_000)
    with FarEnd(tmp_path) as far, UdpForwarder(HERE, far.udp, far.control, act):
        done = on_time(lambda: Probe(tmp_path, far.link_for(HERE), *plan).end())
    assert (done.verdict["state"], done.verdict["rule"]) == ("restricted", rule), done.verdict


def split_hello(way: Way) -> Cut:
    """Each flight of DTLS that goes that way leaves in two datagrams."""

    def cut(of: Way, data: bytes) -> Sequence[bytes]:
        middle = len(data) // 2
        return (data[:middle], data[:13] + data[middle:]) if of == way and data[:1] == b"\x16" else (data,)

    return cut


@pytest.mark.long
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_tool_that_sends_a_hello_in_two_datagrams_is_no_restriction(way: Way, tmp_path: Path) -> None:
    plan = small_plan(tmp_path, 25.0, 6_000_000)
    with FarEnd(tmp_path) as far, UdpForwarder(HERE, far.udp, far.control, untouched, split_hello(way)):
        done = on_time(lambda: Probe(tmp_path, far.link_for(HERE), *plan).end())
    assert (done.verdict["state"], done.verdict["reason"]["code"]) == ("insufficient", "added"), done.verdict


def decoyed(way: Way, data: bytes) -> Sequence[bytes]:
    """Before each message that starts a call goes a datagram of nothing, as some tools send it."""
    return (bytes(len(data)), data) if data[4:8] == COOKIE_BYTES and way == "up" else (data,)


def padded(way: Way, data: bytes) -> Sequence[bytes]:
    """Each of these messages is longer than it was sent."""
    return (data + bytes(6),) if data[4:8] == COOKIE_BYTES and way == "up" else (data,)


@pytest.mark.long
@pytest.mark.parametrize("cut", [decoyed, padded])
@pytest.mark.parametrize("act", [untouched, three_of_twelve])
def test_a_tool_that_adds_to_a_calls_start_is_told_as_that_and_nothing_of_the_network(
    cut: Cut, act: Act, tmp_path: Path
) -> None:
    plan = small_plan(tmp_path, 12.0, 2_000_000)
    with FarEnd(tmp_path) as far, UdpForwarder(HERE, far.udp, far.control, act, cut):
        done = on_time(lambda: Probe(tmp_path, far.link_for(HERE), *plan).end())
    assert (done.verdict["state"], done.verdict["reason"]["code"]) == ("insufficient", "added"), done.verdict


def twice(way: Way, data: bytes) -> Sequence[bytes]:
    """A network may do so, or a tool: nothing tells the two apart, and a call is as well as before."""
    return data, data


@pytest.mark.long
def test_datagrams_that_come_twice_are_no_restriction_and_are_counted_once(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, 12.0, 2_000_000)
    with FarEnd(tmp_path) as far, UdpForwarder(HERE, far.udp, far.control, untouched, twice):
        done = on_time(lambda: Probe(tmp_path, far.link_for(HERE), *plan).end())
    assert done.verdict["state"] != "restricted", done.verdict
    assert {name: share for name, share in done.verdict["figures"].items() if "s_lost_" in name and share} == {}
    assert done.facts is not None
    assert sum(flow.added for epoch in done.facts.epochs for flow in epoch.flows) == 0


def five_seconds(flow: ForwardedFlow, way: Way, data: bytes) -> float | None:
    return None if flow.media[way] > 250 else 0.0


@pytest.mark.long
def test_a_plan_that_watches_calls_for_less_than_a_second_says_of_none_that_it_is_well(tmp_path: Path) -> None:
    """Calls freeze after five seconds; whoever writes a plan may not say how long is enough."""
    brief = replace(make_plan(choose_arms(["webrtc"]), k=4, budget_s=12.0), long_s=0.0, ok_s=0.6, watch_s=0.0)
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(brief))
    with FarEnd(tmp_path) as far, UdpForwarder(HERE, far.udp, far.control, five_seconds):
        done = on_time(lambda: Probe(tmp_path, far.link_for(HERE), "--plan", str(tmp_path / "plan.json")).end())
    assert done.facts is not None
    assert (done.facts.plan.ok_s, done.facts.simulated) == (0.6, False)
    assert (done.verdict["state"], done.verdict["reason"]["code"]) == ("insufficient", "watched_briefly"), done.verdict
    told = json.loads(run_talkpath("judge", str(tmp_path / "run.talkpath"), "--json").stdout)
    assert told["verdicts"] == done.result["verdicts"]


class RealClock:
    """This machine's."""

    def now_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@pytest.mark.long
def test_a_server_that_is_blocked_after_its_first_calls_is_told_by_one_that_was_never_called(tmp_path: Path) -> None:
    """`relearn`: the forwarder drops calls to a server once a first check of it has ended."""
    learned, plan = Event(), small_plan(tmp_path, 60.0, 8_000_000)

    def block(flow: ForwardedFlow, way: Way, data: bytes) -> float | None:
        return None if learned.is_set() else 0.0

    def ended(runs: list[Any], facts: Facts | None) -> None:
        learned.set()

    with (
        FarEnd(tmp_path) as far,
        FarEnd(tmp_path) as other,
        UdpForwarder(HERE, far.udp, far.control, block),
        UdpForwarder(ELSEWHERE, other.udp, other.control, untouched),
    ):

        def measure(fresh: bool) -> Facts:
            link = other.link_for(ELSEWHERE) if fresh else far.link_for(HERE)
            facts = on_time(lambda: Probe(tmp_path, link, *plan).end()).facts
            assert facts is not None
            return facts

        runs = repeat_checks(measure, Bounds(1.0, 3, 600.0), RealClock(), Random(1), ended, fresh=True)
    (verdict,) = join_runs(runs)
    said = [(run.fresh, *((each.state, each.rule) for each in run.arms.values())) for run in runs]
    assert (verdict.state, verdict.rule, verdict.trouble) == ("restricted", "relearn", "addresses"), said
