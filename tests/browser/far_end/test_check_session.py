"""The far end's side of the talk, with whatever a page might send; nothing goes over a network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories.checks import browser_checks
from factories.checks.browser_sessions import REPORT, START, answers_to, new_session, receive_message
from talkpath.browser.far_end.check_record import sent_bytes
from talkpath.browser.far_end.check_session import CheckSession
from talkpath.browser.far_end.schedule import CALLS, CANARY_COHORT, check_seed
from talkpath.browser.far_end.transports.data_channel_twin import DataChannelTwin
from talkpath.browser.far_end.transports.shared_port import SharedPort, is_client_hello
from talkpath.browser.far_end.transports.webrtc_flow import WebRtcCall
from talkpath.browser.webrtc.call_media import VIDEO_MEDIUM, VOICE_MEDIUM
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts


def test_the_order_comes_from_both_halves_of_the_seed_and_ours_was_fixed_before():
    async def play() -> tuple[str, dict[str, Any], CheckSession]:
        made, told = new_session()
        commit = made.commitment()
        await made.receive(START)
        return commit, told[0], made

    commit, epoch, made = asyncio.run(play())
    assert check_seed(bytes.fromhex(epoch["seed"]), b"").hex() == commit
    assert made.seed == hashlib.sha256(b"talkpath browser" + bytes.fromhex(epoch["seed"] + START["nonce"])).digest()
    assert len(epoch["flows"]) == 2 * CALLS + CANARY_COHORT
    assert all(("path" in flow) == (flow["kind"] != "call") for flow in epoch["flows"])
    assert epoch["slots"] == VOICE_MEDIUM.slots


def test_a_report_becomes_facts_and_the_next_epoch_another_order():
    told = answers_to(START, REPORT, {"type": "next", "medium": "voice"})
    facts = msgspec.msgpack.decode(base64.b64decode(told[1]["facts"]), type=Facts)
    assert [message["type"] for message in told] == ["epoch", "facts", "epoch"]
    assert (facts.plan.basis, len(facts.epochs), facts.health.vpn) == ("webrtc", 1, False)
    assert [flow["kind"] for flow in told[0]["flows"]] != [flow["kind"] for flow in told[2]["flows"]]


def test_video_has_epochs_of_its_own_where_it_was_asked_for():
    told = answers_to({**START, "media": ["voice", "video"]}, REPORT, {"type": "next", "medium": "video"})
    facts = msgspec.msgpack.decode(base64.b64decode(told[1]["facts"]), type=Facts)
    assert [arm.medium for arm in facts.plan.arms] == ["voice", "video"]
    assert [(epoch["medium"], epoch["slots"]) for epoch in (told[0], told[2])] == [
        (medium.name, medium.slots) for medium in (VOICE_MEDIUM, VIDEO_MEDIUM)
    ]
    assert told[2]["datagram"] > 10 * told[0]["datagram"]


def facts_of_late_epochs(*late_ms: float, **page: object) -> list[Facts]:
    """The facts after each epoch: this end was so late in each of them, and the page reported the rest."""

    async def play() -> list[Facts]:
        made, told = new_session()
        await made.receive(START)
        for late in late_ms:
            assert made._run is not None
            made._run.late_ms = [late] * 100
            report = {"number": made._run.schedule.number, "flows": [], **page}
            await receive_message(made, {"type": "report", "report": report})
            await made.receive({"type": "next", "medium": "voice"})
        await made.close()
        return [msgspec.msgpack.decode(base64.b64decode(m["facts"]), type=Facts) for m in told if "facts" in m]

    return asyncio.run(play())


@pytest.mark.parametrize("page", [{}, {"late_ms_p99": 90.0}])
def test_an_epoch_in_which_an_end_was_late_is_played_again_and_voids_nothing(page: dict[str, object]):
    late, *_ = facts_of_late_epochs(0.0 if page else 80.0, **page)
    assert (late.epochs, late.health.late_ms_p99) == ((), 0.0)


def test_lateness_of_ever_more_epochs_is_remembered():
    facts = facts_of_late_epochs(80.0, 60.0, 1.0, 70.0, 90.0, 1.0)
    assert [len(each.epochs) for each in facts] == [0, 0, 1, 1, 2, 3]
    assert [each.health.responder_late_ms_p99 for each in facts] == [0.0, 0.0, 1.0, 1.0, 90.0, 90.0]
    assert {each.health.probe_late_ms_p99 for each in facts} == {0.0}


def test_what_else_a_late_epoch_showed_is_kept():
    facts = facts_of_late_epochs(80.0, 1.0, hidden=True)
    assert [(len(each.epochs), each.health.hidden, each.health.late_ms_p99) for each in facts] == [
        (1, True, 80.0),
        (2, True, 80.0),
    ]


def test_where_quic_alone_is_dead_the_check_begins_anew_with_data_channels():
    async def play() -> list[dict[str, Any]]:
        made, told = new_session()
        await made.receive(START)
        up = [{"flow": f["flow"], "stun_ms": 9.0, "dtls_ms": 30.0} for f in told[0]["flows"] if f["kind"] == "call"]
        await receive_message(made, {"type": "report", "report": {"number": 0, "flows": up}})
        await receive_message(made, {"type": "report", "report": {"number": told[1]["number"], "flows": []}})
        await made.close()
        return told

    first, again, facts = asyncio.run(play())
    numbers = [each["number"] for order in (first, again) for each in (order, order["beside"])]
    assert (numbers, facts["type"]) == ([0, 1, 2, 3], "facts")
    assert not any("path" in flow for flow in again["flows"] + again["beside"]["flows"])


@pytest.mark.parametrize(
    "messages",
    [
        ({"type": "dance"},),
        ({"type": "start"},),
        ({"type": "start", "nonce": "zz"},),
        ({**START, "media": ["smell"]},),
        (START, START),
        ({"type": "offer", "number": 0, "flow": 0, "sdp": ""},),
        (START, {"type": "offer", "number": 0, "flow": 99, "sdp": ""}),
        (START, {"type": "offer", "number": 1, "flow": 2, "sdp": ""}),
        (START, {"type": "offer", "number": 2, "flow": 0, "sdp": ""}),
        ({"type": "finish", "least": 0},),
        (START, {"type": "finish"}),
        (START, {"type": "report", "report": {"number": 7}}),
        (START, {"type": "report", "report": {"number": "x"}}),
        (START, REPORT, REPORT),
    ],
)
def test_what_was_not_asked_is_refused_in_one_sentence(messages: tuple[dict[str, Any], ...]):
    with pytest.raises(PeerError, match=r"load the page again\.$"):
        answers_to(*messages)


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_report_before_the_epoch_is_over_is_refused_so_that_no_credential_is_cheap(has_begun: bool):
    async def play() -> list[str]:
        made, told = new_session()
        try:
            await made.receive(START)
            if has_begun:
                await made.receive({"type": "media", "number": 0})
            with pytest.raises(PeerError):
                await made.receive(REPORT)
        finally:
            await made.close()
        return [message["type"] for message in told]

    assert "facts" not in asyncio.run(play())


WILD = st.integers(-9, 400) | st.sampled_from([10**4, 10**9, 2**31, 2**63, -(2**63)])
WILD_MS = st.floats(-9, 9000) | st.sampled_from([1e6, 1e9, 1e300, -1e300, 0.0])
MAYBE_MS = st.none() | WILD_MS
FLOW = st.fixed_dictionaries(
    {"flow": st.integers(0, 15)},
    optional={
        "stun_ms": MAYBE_MS,
        "dtls_ms": MAYBE_MS,
        "began_ms": WILD_MS,
        "polls": st.lists(st.tuples(WILD_MS, WILD, WILD), max_size=30),
        "sent": st.lists(WILD, max_size=40),
        "left_ms": st.lists(WILD_MS, max_size=40),
        "came": st.lists(st.tuples(WILD, WILD_MS), max_size=40),
        "tried": st.booleans(),
    },
)
WILD_REPORT = st.fixed_dictionaries(
    {"number": st.just(0), "flows": st.lists(FLOW, max_size=20)},
    optional={
        "phased": st.booleans(),
        "late_ms_p99": WILD_MS,
        "clock_jump_s": WILD_MS,
        "pings": WILD,
        "pongs": WILD,
        "hidden": st.booleans(),
    },
)


@settings(deadline=1000)
@given(report=WILD_REPORT, slots=st.dictionaries(st.integers(0, 65535), st.floats(0, 1e6), max_size=40))
def test_any_report_gives_facts_that_can_be_read_or_is_refused(report: dict[str, Any], slots: dict[int, float]):
    async def play() -> None:
        made, told = new_session()
        try:
            await made.receive(START)
            assert made._run is not None
            for twin in made._run.twins.values():
                twin.received.slots.update(slots)
            await receive_message(made, {"type": "report", "report": report})
        except PeerError:
            return
        finally:
            await made.close()
        assert msgspec.msgpack.decode(base64.b64decode(told[-1]["facts"]), type=Facts) if "facts" in told[-1] else True

    asyncio.run(play())


@settings(deadline=1000)
@given(
    st.sampled_from(["start", "next", "paths", "finish", "offer", "media", "report"]),
    st.dictionaries(
        st.sampled_from(
            [
                "nonce",
                "vpn",
                "twins",
                "media",
                "medium",
                "paths",
                "user",
                "password",
                "number",
                "flow",
                "sdp",
                "report",
                "least",
            ]
        ),
        st.none() | st.booleans() | WILD | WILD_MS | st.text(max_size=70) | st.lists(st.text(max_size=5), max_size=3),
    ),
)
def test_any_message_is_acted_on_or_refused(kind: str, fields: dict[str, Any]):
    async def play() -> None:
        made, _ = new_session()
        try:
            await made.receive(START)
            await made.receive({"type": kind, **fields})
        except PeerError:
            pass
        finally:
            await made.close()

    asyncio.run(play())


@settings(max_examples=20)
@given(
    st.text(max_size=200)
    | st.sampled_from(["v=0\r\nm=audio 9 x 0\r\n", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"])
)
def test_no_offer_upsets_it(sdp: str):
    async def play() -> None:
        made, told = new_session()
        try:
            await made.receive(START)
            flow = next(flow["flow"] for flow in told[0]["flows"] if flow["kind"] == "call")
            await made.receive({"type": "offer", "number": 0, "flow": flow, "sdp": sdp})
        except PeerError:
            pass
        finally:
            await made.close()

    asyncio.run(play())


@given(st.binary(min_size=1, max_size=60))
def test_no_datagram_of_a_stranger_upsets_the_port(data: bytes):
    port = SharedPort()
    port.datagram_received(data, ("192.0.2.9", 5))
    assert not port.lanes


def test_a_hello_is_known_by_its_first_piece():
    record = bytes([22, 254, 253]) + bytes(8) + b"\x00\x20"
    first, second = (record + bytes([1, 0, 4, 0, 0, 0]) + at + bytes(3) for at in (bytes(3), b"\x00\x01\x00"))
    assert is_client_hello(first)
    assert not is_client_hello(second)
    assert not is_client_hello(bytes([23]) + first[1:])


class Deaf(asyncio.DatagramProtocol):
    """Whoever is behind a lane."""


def test_a_call_that_goes_on_from_another_address_has_moved():
    rtp = bytes([128, 111]) + bytes(10)
    lane = SharedPort().lane(Deaf(), "name", "")
    for port, moved in ((5, False), (5, False), (6, True), (5, True)):
        lane.receive(rtp, ("192.0.2.9", port))
        assert lane.counts.moved is moved


CALL, TWIN = ("192.0.2.9", 5000), ("198.51.100.7", 6000)


@pytest.mark.parametrize(
    ("calls", "twins", "apart"),
    [
        ([CALL], [(CALL[0], 6000)], False),
        ([CALL], [TWIN], True),
        ([CALL, ("192.0.2.10", 5001)], [TWIN, ("192.0.2.10", 6001)], False),  # a translator with several addresses
        ([("2001:db8::1", 5000)], [("2001:db8::2", 6000)], False),  # a device that changes its own half
        ([("2001:db8::1", 5000)], [("2001:db8:0:1::1", 6000)], True),
        ([("2001:db8::1", 5000)], [TWIN], True),
        ([("::ffff:192.0.2.9", 5000)], [CALL], False),
        ([], [TWIN], False),
        ([CALL], [], False),
    ],
)
@pytest.mark.parametrize("channels", [False, True])
def test_calls_and_twins_from_unlike_addresses_are_not_compared(
    calls: list[tuple[str, int]], twins: list[tuple[str, int]], apart: bool, channels: bool
):
    facts, told = came_from(calls, twins, channels=channels)
    assert ({epoch.missing for epoch in facts.epochs} == {"no_control"}, told["apart"]) == (apart, apart)


@pytest.mark.parametrize(
    ("page", "elsewhere"),
    [
        (CALL[0], False),
        (TWIN[0], False),  # one of them came by the same way
        ("203.0.113.5", True),
        ("2001:db8::1", False),  # cannot be compared
        ("::ffff:203.0.113.5", True),
        ("", False),
        ("no address", False),
    ],
)
def test_a_page_that_came_by_a_proxy_names_no_network(page: str, elsewhere: bool):
    assert came_from([CALL], [TWIN], page=page)[1]["elsewhere"] is elsewhere


def came_from(
    calls: list[tuple[str, int]], twins: list[tuple[str, int]], *, channels: bool = False, page: str = ""
) -> tuple[Facts, dict[str, Any]]:
    """(facts, the message that brings them) of an epoch with flows from there."""

    async def play() -> tuple[Facts, dict[str, Any]]:
        made, told = new_session(page)
        await made.receive(START | {"twins": "channel" if channels else "datagrams"})
        drawn = [flow["flow"] for flow in told[0]["flows"] if flow["kind"] == "call"]
        run = made._run
        assert run is not None
        for flow, source in zip(drawn, calls, strict=False):
            run.calls[flow] = WebRtcCall(made._port, "192.0.2.1", VOICE_MEDIUM)
            lane = run.calls[flow]._lane = made._port.lane(Deaf(), f"call {flow}", "")
            lane.receive(bytes(20), source)
        for (flow, twin), source in zip(run.twins.items(), twins, strict=False):
            if isinstance(twin, DataChannelTwin):
                twin._lane = made._port.lane(Deaf(), f"twin {flow}", "")
                twin._lane.receive(bytes(20), source)
            else:
                twin.received.note_source(source)
        up = [{"flow": flow, "stun_ms": 9.0, "dtls_ms": 30.0} for flow in [*drawn, *run.twins]]
        await receive_message(made, {"type": "report", "report": {"number": 0, "flows": up}})
        await made.close()
        return msgspec.msgpack.decode(base64.b64decode(told[1]["facts"]), type=Facts), told[1]

    return asyncio.run(play())


def test_what_a_check_cost_is_what_its_packets_were_long():
    epochs = browser_checks.browser_check(browser_checks.even_loss(0.0), 1).epochs
    media = len(epochs) * 16 * VOICE_MEDIUM.slots * (VOICE_MEDIUM.wire_bytes + 28)
    for way in ("up", "down"):
        assert 0.97 * media <= sent_bytes(epochs, way) <= 1.03 * media


def test_a_clock_that_fails_ends_the_check_with_a_sentence(monkeypatch: pytest.MonkeyPatch):
    async def play() -> None:
        made, _ = new_session()
        try:
            await made.receive(START)
            assert made._run is not None
            monkeypatch.setattr(made._run, "_send", lambda flow, slot: 1 / 0)
            await made.receive({"type": "media", "number": 0})
            await asyncio.sleep(0.4)
            await made.receive(REPORT)
        finally:
            await made.close()

    with pytest.raises(PeerError, match="test server failed"):
        asyncio.run(play())


def test_a_twin_s_offer_is_answered_once():
    async def play() -> None:
        made, told = new_session()
        try:
            await made.receive(START | {"twins": "channel"})
            flow = next(flow["flow"] for flow in told[0]["flows"] if flow["kind"] != "call")
            for _ in range(2):
                with suppress(PeerError):
                    await made.receive({"type": "offer", "number": 0, "flow": flow, "sdp": ""})
            with pytest.raises(PeerError, match="not due"):
                await made.receive({"type": "offer", "number": 0, "flow": flow, "sdp": ""})
        finally:
            await made.close()

    asyncio.run(play())
