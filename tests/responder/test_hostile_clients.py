"""A responder serves whoever it invited, whatever others say or do to it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.apps import shapes
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import lay_out
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.responder import Responder
from talkpath.responder.session import ResponderSession
from talkpath.responder.session_epochs import LINGER_S
from talkpath.wire.control import messages
from talkpath.wire.control.messages import (
    AnyMessage,
    Begin,
    Close,
    Decoder,
    Finish,
    FlowReport,
    Hello,
    Open,
    Ready,
    Refusal,
    Report,
    Welcome,
)
from talkpath.wire.control.question import (
    BASELINE,
    HelloContrast,
    HopLimits,
    RateContrast,
    TcpTwins,
    TransportPaths,
    WatchedCalls,
)

PORTS = tuple(range(3000, 3016))
ARM = next(arm for arm in shapes() if arm.app == "webrtc" and arm.medium == "voice")
SEED = bytes(32)
HELLO = Hello((messages.PROTOCOL_VERSION,), "test", seed_commitment(SEED), {str(ARM): shape_digest(ARM)})


def responder(**limits: int) -> Responder:
    return Responder(Identity(PORTS), Limits(**limits), draw=Random(1).randbytes)


def say(far: Responder, connection: ResponderSession, message: AnyMessage, now_s: float = 0.0) -> AnyMessage:
    (answer,) = Decoder().feed(far.receive(now_s, connection, messages.encode_message(message)))
    return answer


def opened(far: Responder, block: str = "block") -> tuple[ResponderSession, bytes]:
    connection = far.connect(block)
    welcome = say(far, connection, HELLO)
    assert isinstance(welcome, Welcome)
    assert say(far, connection, Open(SEED)) == Ready(-1)
    return connection, session_key(SEED, welcome.seed)


def begin(number: int = 0, **changes: object) -> Begin:
    fields: dict[str, object] = {"arm": str(ARM), "k": 2, "packets": 10, "first_tuple": 5 * number, "locals": 60}
    return Begin(number, **fields | changes)  # type: ignore[arg-type]


BEGINS = st.builds(
    Begin,
    st.integers(-3, 3),
    st.sampled_from((str(ARM), "webrtc/none/voice", "", "a/b")),
    st.integers(-1, 60),
    st.sampled_from((-1, 0, 1, 3, 10**9)),
    st.sampled_from((-1, 0, 7, 2**40)),
    st.sampled_from((-1, 0, 1, 60, 10**6)),
    st.sampled_from((BASELINE, TcpTwins(), None, "baseline"))
    | st.builds(RateContrast, st.sampled_from((1.0, 0.5, 0.0, -1.0, 1e9, float("nan"), float("inf"))))
    | st.builds(HelloContrast, st.sampled_from(("browser", "pion", "openssl", "any", "")) | st.text(max_size=5))
    | st.builds(WatchedCalls, st.integers(-3, 70))
    | st.builds(
        TransportPaths,
        st.lists(
            st.sampled_from(("udp/3000", "udp/3001", "udp/22", "tls/", ",", "")) | st.text(max_size=9), max_size=3
        ).map(tuple),
    )
    | st.builds(HopLimits, st.text(max_size=5), st.sampled_from(("up", "left")), st.just((0,)) | st.just((3,))),
)
REPORTS = st.lists(st.builds(FlowReport, *[st.binary(max_size=9)] * 4), max_size=6).map(tuple)
ANY = st.one_of(
    st.just(HELLO),
    st.builds(Hello, st.lists(st.integers(-(2**63), 2**64 - 1), max_size=3).map(tuple), st.text(max_size=5),
              st.binary(max_size=40),
              st.dictionaries(st.text(max_size=20), st.binary(max_size=9), max_size=3)),
    st.just(Open(SEED)),
    st.builds(Open, st.binary(max_size=40)),
    BEGINS,
    st.builds(Close, st.integers(-3, 3), REPORTS),
    st.builds(Finish, st.binary(max_size=40)),
    st.builds(Report, st.integers(-3, 3), REPORTS),
    st.builds(Refusal, st.text(max_size=5), st.text(max_size=5)),
)  # fmt: skip


@given(st.booleans(), st.lists(ANY | st.binary(max_size=30), max_size=8))
def test_whatever_is_said_gets_an_answer_or_one_refusal(begun: bool, said: list[AnyMessage | bytes]) -> None:
    far = responder()
    connection = opened(far)[0] if begun else far.connect("block")
    for step, message in enumerate(said):
        data = message if isinstance(message, bytes) else messages.encode_message(message)
        answers = Decoder().feed(far.receive(float(step), connection, data))
        far.poll(float(step))
        assert connection.closed == any(
            isinstance(answer, Refusal) or answer.__class__.__name__ == "Receipt" for answer in answers
        )
        if connection.closed:
            break
    far.disconnect(connection)
    opened(far)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_tuple": -1},
        {"question": TransportPaths(("udp/22",))},
        {"question": TransportPaths(("udp/3000", "udp/22"))},
        {"question": TransportPaths(("udp/3000",) * 30)},
        {"question": WatchedCalls(3)},
        {"k": 20, "packets": 3000},
    ],
    ids=str,
)
def test_an_epoch_that_nobody_needs_is_refused(changes: dict[str, object]) -> None:
    far = responder()
    answer = say(far, opened(far)[0], begin(**changes))
    assert isinstance(answer, Refusal)
    assert answer.code == "budget"


@pytest.mark.parametrize(
    "question",
    [
        HelloContrast("any"),  # type: ignore[arg-type]
        HelloContrast(""),  # type: ignore[arg-type]
        RateContrast(float("nan")),
        RateContrast(0.0),
        WatchedCalls(65),
        TransportPaths(()),
        TransportPaths(("udp/3000",) * 33),
        TransportPaths(("udp",)),
        HopLimits("media", "left"),  # type: ignore[arg-type]
        HopLimits("media", "up", (0,)),
        HopLimits("media", "up", (65,)),
        HopLimits("media", "up", tuple(range(1, 10))),
        HopLimits("", "up", (1,)),
        "baseline",
    ],
    ids=str,
)
def test_what_is_no_question_is_no_message(question: object) -> None:
    far = responder()
    assert isinstance(say(far, opened(far)[0], begin(question=question)), Refusal)


def test_only_so_many_epochs_are_open_at_once() -> None:
    far = responder(open_epochs=2)
    connection, _ = opened(far)
    assert [say(far, connection, begin(number)) for number in (0, 1)] == [Ready(0), Ready(1)]
    assert isinstance(say(far, connection, Close(0, ())), Report)
    assert say(far, connection, begin(2)) == Ready(2)
    assert isinstance(say(far, connection, begin(3)), Refusal)


def test_connections_that_say_nothing_take_no_session_from_anybody() -> None:
    far = responder(sessions=3, sessions_per_block=2)
    for _ in range(100):
        far.connect("block")
    opened(far, "block")
    opened(far, "block")
    assert isinstance(say(far, far.connect("block"), HELLO), Refusal)
    opened(far, "another")


def test_a_block_that_has_more_places_than_others_gives_one_up() -> None:
    """The session that runs nothing and was silent for longest ends; nobody gives up a block's only place."""
    far = responder(sessions=3, sessions_per_block=2)
    first, _ = opened(far, "block")
    second, _ = opened(far, "block")
    say(far, first, begin(), 1.0)
    opened(far, "another")
    opened(far, "a third")
    assert not first.closed
    assert second.closed
    (refusal,) = Decoder().feed(second.take_out())
    assert isinstance(refusal, Refusal)
    assert refusal.code == "busy"
    assert isinstance(say(far, far.connect("a fourth"), HELLO), Refusal)


def test_sixteen_blocks_keep_nobody_out() -> None:
    far = responder()
    for number in range(64):
        opened(far, f"block {number % 16}")
    for number in range(48):
        opened(far, f"other {number}")


def test_a_session_that_says_nothing_ends_though_bytes_drip_in() -> None:
    far = responder()
    session, _ = opened(far)
    frame = messages.encode_message(begin())
    for second in range(0, 100, 10):
        far.receive(float(second), session, frame[second // 10 : second // 10 + 1])
        far.poll(float(second))
    assert session.closed


def test_a_session_ends_though_it_always_has_something_to_ask() -> None:
    """Short calls earn it no time; calls of a minute do, but not for ever."""
    far = responder()
    session, _ = opened(far)
    now_s, number = 0.0, 0
    while not session.closed and now_s < 1000.0:
        far.receive(now_s, session, messages.encode_message(begin(number, k=1, packets=1)))
        far.receive(now_s, session, messages.encode_message(Close(number, ())))
        far.poll(now_s)
        number, now_s = number + 1, now_s + 5.0
    assert now_s < 200.0


@pytest.mark.long
def test_long_calls_earn_a_session_its_time() -> None:
    far = responder(session_bytes=10**9, longest_session_s=500)
    session, _ = opened(far)
    now_s, number = 0.0, 0
    while not session.closed:
        far.receive(now_s, session, messages.encode_message(begin(number, k=1, packets=3000)))
        now_s += 61.0
        far.poll(now_s)
        far.receive(now_s, session, messages.encode_message(Close(number, ())))
        number += 1
    assert 480.0 < now_s < 600.0


def test_frames_are_short_until_a_report_is_due() -> None:
    far = responder()
    session = far.connect("block")
    assert isinstance(say_raw(far, session, (100_000).to_bytes(4, "big")), Refusal)
    session, _ = opened(far)
    limit = session.decoder.limit
    assert limit <= messages.SHORT_FRAME
    say(far, session, begin(packets=400))
    longest = Close(0, tuple(FlowReport(*[bytes(60), bytes(900)] * 2) for _ in range(5)))
    assert limit < len(messages.encode_message(longest)) < session.decoder.limit < 40_000
    assert isinstance(say(far, session, longest), Report)


def say_raw(far: Responder, session: ResponderSession, data: bytes) -> AnyMessage:
    (answer,) = Decoder().feed(far.receive(0.0, session, data))
    return answer


def test_a_version_that_is_not_spoken_is_told_with_the_one_that_is() -> None:
    far = responder()
    answer = say(far, far.connect("block"), Hello((99,), "test", seed_commitment(SEED), {}))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.versions) == ("version", (messages.PROTOCOL_VERSION,))


def test_an_epoch_that_is_over_is_forgotten_but_for_what_came_late() -> None:
    far = responder()
    connection, key = opened(far)
    say(far, connection, begin())
    flow = lay_out(key, begin(), PORTS).flows[0]
    first, second = (data for slot, data in enumerate(flow.datagrams) if slot_is_up(key, slot))
    far.datagram(0.1, "source", flow.port, first)
    say(far, connection, Close(0, ()), 1.0)
    far.datagram(1.1, "source", flow.port, second)
    far.poll(1.0 + LINGER_S + 0.1)
    assert far.datagram(6.0, "source", flow.port, second) == []
    assert connection.epochs.flights == {}
    say(far, connection, begin(1), 6.0)
    report = say(far, connection, Close(1, ()), 7.0)
    assert isinstance(report, Report)
    assert any(any(bitmap) for bitmap in report.late[0])


def slot_is_up(key: bytes, slot: int) -> bool:
    """The first and the last packet that the probe sends."""
    slots = lay_out(key, begin(), PORTS).schedule.slots
    up = [place for place, one in enumerate(slots) if one.direction == "up" and one.answers is None]
    return slot in (up[0], up[-1])


def test_what_a_held_up_responder_should_have_sent_leaves_late_and_is_told_so() -> None:
    far = responder()
    connection, key = opened(far)
    say(far, connection, begin())
    layout = lay_out(key, begin(), PORTS)
    for flow in layout.flows:  # much comes in, so that much may go out before the 5-tuple has proved its address
        for slot in layout.up.slots:
            far.datagram(0.0, ("source", flow.number), flow.port, flow.datagrams[slot])
    report = say(far, connection, Close(0, ()), 3.0)
    assert isinstance(report, Report)
    late_ms = [
        int.from_bytes(flow.sent_dms[at : at + 2], "little", signed=True) / 10
        for flow in report.flows
        for at in range(0, len(flow.sent_dms), 2)
    ]
    assert max(late_ms) > 2000
    assert far.poll(3.0)


def test_a_responder_without_places_refuses_everybody() -> None:
    far = responder(sessions=0)
    answer = say(far, far.connect("block"), HELLO)
    assert isinstance(answer, Refusal)
    assert answer.code == "busy"
