"""Holds what the scorer of recorded calls calls right and wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proof.engines import pcap
from proof.engines.cases import CASES
from proof.engines.path import CALLEE, CALLER
from proof.engines.score import expected, judged, printed
from proof.engines.streams import stall_share
from proof.engines.truth import truth

from .test_path import RTP, udp

QUIET = {"state": "ok", "rule": None}


def told(**differences: Any) -> dict[str, Any]:
    """What capture might say of a good call of the caller."""
    call = {
        "app": "telegram", "media": ["voice"], "start_s": 0.0, "duration_s": 10.0, "outcome": "good", "outcome_s": None,
        "outcome_direction": None, "closed": True, "transport": "p2p", "verdict": QUIET,
        "streams": [{"direction": "sent", "ssrc": 0x1234, "packets": 500, "loss_pct": 0.0}],
    }  # fmt: skip
    return {"calls": [call | differences], "attempts": []}


def true_of(tmp_path, name: str, connected: bool = True) -> dict[str, Any]:
    """The truth of a case whose ends said that they were, or never were, connected."""
    for role in ("caller", "callee"):
        event = "connected" if connected else "never connected"
        (tmp_path / f"{role}.log").write_text(json.dumps({"at_s": 1.0, "event": event}) + "\n")
    return truth(name, CASES[name], tmp_path, {}) | {"late_p99_ms": 0.1}


def judge(tmp_path, name: str, said: dict[str, Any], letter: str = "a", connected: bool = True) -> dict[str, str]:
    file = tmp_path / "call.pcap"
    packet = udp(CALLER.packed()[1], CALLEE.packed()[1], RTP)
    pcap.write(file, pcap.RAW, [pcap.Frame(1, 0, packet, len(packet))])
    return judged(true_of(tmp_path, name, connected), letter, said, file).verdicts


def test_a_good_call_told_well_is_right(tmp_path):
    verdicts = judge(tmp_path, "tg_voice_direct", told())
    assert verdicts == dict.fromkeys(("calls", "app", "direction", "outcome", "end"), "ok")


@pytest.mark.parametrize(
    ("column", "difference"),
    [
        ("app", {"app": "webrtc"}),
        ("direction", {"streams": [{"direction": "received", "ssrc": 0x1234, "packets": 9, "loss_pct": 0.0}]}),
        ("outcome", {"outcome": "went_silent", "outcome_direction": "received"}),
        ("outcome", {"verdict": {"state": "restricted", "rule": "media.drop"}}),
        ("end", {"closed": False}),
    ],
)
def test_each_wrong_statement_is_found(tmp_path, column, difference):
    verdicts = judge(tmp_path, "tg_voice_direct", told(**difference))
    assert [one for one in verdicts if verdicts[one] != "ok"] == [column]


def test_two_calls_for_one_are_wrong_and_so_is_an_attempt_beside_it(tmp_path):
    twice = {"calls": told()["calls"] * 2, "attempts": []}
    assert judge(tmp_path, "tg_voice_direct", twice)["calls"] == "2 calls for 1"
    beside = told() | {"attempts": [{"app": "telegram"}]}
    assert judge(tmp_path, "tg_voice_direct", beside)["calls"] == "1 attempts for 0"


def test_an_unnamed_call_is_no_wrong_name(tmp_path):
    assert judge(tmp_path, "tg_voice_direct", told(app="unknown"))["app"] == "?"


def test_nothing_may_be_said_of_a_call_inside_tls_and_of_no_call(tmp_path):
    nothing: dict[str, Any] = {"calls": [], "attempts": []}
    assert judge(tmp_path, "cr_voice_turn_tls", nothing)["calls"] == "?"
    assert judge(tmp_path, "no_dns", nothing, connected=False) == {"calls": "ok", "app": "-"}
    false = judge(tmp_path, "no_dns", {"calls": [], "attempts": [{"app": "line"}]}, connected=False)
    assert false == {"calls": "1 attempts for 0", "app": "line for no call"}


@pytest.mark.parametrize(
    ("name", "at_caller", "at_callee"),
    [
        ("tg_voice_dead_direct", {"went_silent"}, {"went_silent"}),
        ("tg_voice_down_blocked", {"went_silent"}, {"good", "unknown"}),
        ("tg_voice_muted", {"good", "unknown"}, {"good", "unknown"}),
        ("tg_voice_loss", {"good"}, {"poor"}),
        ("cr_voice_never_blocked", {"one_way", "never_connected"}, {"one_way", "never_connected"}),
        ("cr_voice_recvonly", {"good", "unknown"}, {"good", "unknown"}),
        ("cr_voice_fallback", {"good"}, {"good"}),
    ],
)
def test_the_outcome_is_that_of_what_this_end_received(tmp_path, name, at_caller, at_callee):
    found = true_of(tmp_path, name)
    assert (expected(found, found["ends"]["a"]), expected(found, found["ends"]["b"])) == (at_caller, at_callee)


def test_the_sums_and_each_wrong_statement_are_printed(tmp_path):
    file = tmp_path / "call.pcap"
    pcap.write(file, pcap.RAW, [])
    row = judged(true_of(tmp_path, "tg_voice_direct"), "a", told(app="webrtc"), file)
    text = "\n".join(printed([row]))
    assert "tg_voice_direct.a: app: webrtc for telegram" in text
    assert text.endswith("0 of 1 recordings right in app, number, direction and outcome")


def test_a_sender_that_stood_still_makes_a_poor_call(tmp_path):
    found = true_of(tmp_path, "tg_voice_direct")
    found["ends"]["b"]["stalled"] = 0.1
    assert expected(found, found["ends"]["a"]) == {"good", "poor"}
    assert expected(found, found["ends"]["b"]) == {"good"}


@pytest.mark.parametrize(("pauses", "share"), [(True, 5 * 1.02 / 10.98), (False, 0.1)])  # a second in two; a slow clock
def test_the_share_in_which_a_sender_stood_still_is_measured(tmp_path, pauses, share):
    file = tmp_path / "call.pcap"
    frames = []
    for number in range(300):
        at_s = (number // 50 * 2 if pauses else 0) + number % 50 * 0.02 + (0 if pauses else number // 50)
        ticks = 960 * number if pauses else 864 * number
        data = RTP[:4] + ticks.to_bytes(4, "big") + RTP[8:]
        packet = udp(CALLER.packed()[1], CALLEE.packed()[1], data)
        frames.append(pcap.Frame(int(at_s), round(at_s % 1 * 1e6), packet, len(packet)))
    pcap.write(file, pcap.RAW, frames)
    assert stall_share(file, {"ipv4": CALLER.ipv4, "ipv6": CALLER.ipv6}) == pytest.approx(share, abs=0.01)
