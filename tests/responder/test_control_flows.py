"""Control traffic beside a call: what the responder takes and sends back, and that it is no amplifier."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.experiment.control_packets import (
    LAG_MS,
    LEAST_BYTES,
    MOST_PACKETS,
    WINDOW,
    ExpectedTags,
    control_datagram,
    control_key,
    imitated_size,
    is_marked,
    nonce_of,
    packet_tag,
)
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages
from talkpath.wire.control.messages import (
    Accompany,
    AnyMessage,
    Conclude,
    Counts,
    Decoder,
    Hello,
    Open,
    Pattern,
    Ready,
    Refusal,
    Welcome,
)

PORTS = (3000, 3001, 3002)
SEED = bytes(32)
HEADERS = (0, 28, 48)


class Far:
    """One responder with one session that has asked for control flows."""

    def __init__(self, flows: int = 2, limits: Limits | None = None) -> None:
        self.responder = Responder(Identity(PORTS), limits or Limits(), Random(1).randbytes)
        self.session = self.responder.connect("block")
        self.now_s = 100.0
        welcome = self.say(Hello((messages.PROTOCOL_VERSION,), "", seed_commitment(SEED), {}))
        assert isinstance(welcome, Welcome)
        self.control_flows = welcome.control_flows
        assert self.say(Open(SEED)) == Ready(-1)
        self.key = control_key(session_key(SEED, welcome.seed), 0)
        assert self.say(Accompany(0, flows)) == Ready(0)

    def say(self, message: AnyMessage) -> AnyMessage | None:
        data = self.responder.receive(self.now_s, self.session, messages.encode_message(message))
        return next(iter(Decoder().feed(data)), None)

    def come(self, flow: int, number: int, source: str, size: int, nonce: bytes = bytes(8)) -> int:
        data = control_datagram(packet_tag(self.key, flow, "up", number), nonce, size, Random(number).randbytes)
        return len(self.responder.datagram(self.now_s, source, PORTS[flow], data))

    def told(self, first: int, count: int, size: int, every_ms: int = 20) -> None:
        times = tuple(first * every_ms + every_ms * place for place in range(count))
        assert self.say(Pattern(0, first, times, (size,) * count)) is None

    def sent(self, seconds: float) -> list[tuple[float, str, bytes]]:
        """What it sends over a while."""
        out, until_s = [], self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(max(self.responder.wake_s, self.now_s + 1e-3), until_s)
            out += [(self.now_s, packet.source, packet.data) for packet in self.responder.poll(self.now_s)]
        return out  # type: ignore[return-value]


def test_the_pattern_comes_back_after_its_lag_as_long_and_as_far_apart():
    far = Far(flows=2)
    assert far.control_flows == 8
    for flow in (0, 1):
        for number in range(10):
            far.come(flow, number, f"source {flow}", 200)
    begin_s = far.now_s
    far.told(0, 5, 120)
    sent = [one for one in far.sent(2.0) if one[1] == "source 0"]
    assert [len(data) for _, _, data in sent] == [120] * 5
    due_s = [begin_s - 0.08 + 0.02 * place + LAG_MS / 1000 for place in range(5)]
    assert [at_s for at_s, _, _ in sent] == pytest.approx(due_s, abs=0.02)
    assert [data[:16] for _, _, data in sent] == [packet_tag(far.key, 0, "down", number) for number in range(5)]
    counts = far.say(Conclude(0))
    assert isinstance(counts, Counts)
    assert [is_marked(counts.flows[0].arrived, number) for number in (0, 9, 10)] == [True, True, False]
    assert [is_marked(counts.flows[1].sent, number) for number in (0, 4, 5)] == [True, True, False]
    assert not far.responder.control_tags, "nothing is known of a call that is over"


EVENT = st.tuples(
    st.sampled_from(("come", "told", "wait")),
    st.integers(0, 1),
    st.sampled_from(("a", "b", "stranger")),
    st.integers(LEAST_BYTES, 1400),
)


@given(st.lists(EVENT, max_size=40), st.integers(0, 3))
def test_no_source_is_sent_more_than_it_brought_until_it_echoed(events: list[tuple[str, int, str, int]], echo: int):
    far, balance, checked = Far(), Counter[tuple[str, int]](), set[str]()
    nonces: dict[str, bytes] = {}
    numbers, told = [0, 0], 0
    for kind, flow, source, size in events:
        if kind == "come":
            nonce = nonces.get(f"{source}{flow}", bytes(8)) if size % 4 < echo else bytes(8)
            if nonce != bytes(8):
                checked.add(source)
            far.come(flow, numbers[flow], source, size, nonce)
            numbers[flow] += 1
            for header in HEADERS:
                balance[source, header] += size + header
        elif kind == "told":
            far.told(told, 3, size)
            told += 3
        for _, target, data in far.sent(0.3):
            for place in (0, 1):
                nonces[f"{target}{place}"] = nonce_of(data)
            for header in HEADERS:
                balance[target, header] -= len(data) + header
    assert all(left >= 0 for (source, _), left in balance.items() if source not in checked)


def test_a_source_that_never_came_gets_nothing():
    far = Far()
    far.told(0, 50, 1000)
    assert far.sent(3.0) == []


def test_rate_bytes_and_late_pieces_are_bounded():
    far = Far(flows=1, limits=Limits(session_bytes=30_000))
    for number in range(200):
        far.come(0, number, "a", 1400)
    assert far.say(Pattern(0, 0, tuple(range(1000)), (1000,) * 1000)) is None
    far.now_s += 0.0
    sent = far.sent(5.0)
    assert sum(len(data) + 48 for _, _, data in sent) <= 30_000
    far = Far(flows=1)
    for number in range(400):
        far.come(0, number, "a", 1400)
    far.told(0, 1000, 100, every_ms=1)
    assert len(far.sent(5.0)) <= 240, "a burst, and no more"
    far.say(Pattern(0, 1000, (0,), (100,)))
    assert far.sent(3.0) == [], "what is told too late is not sent"


@pytest.mark.parametrize(
    ("message", "code"),
    [(Accompany(0, 2), "order"), (Accompany(1, 2), "order"), (Conclude(5), "order")],
    ids=["again", "two at once", "never begun"],
)
def test_what_is_out_of_order_is_refused(message: AnyMessage, code: str):
    refusal = Far().say(message)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_more_flows_than_are_given_are_refused():
    far = Far()
    far.say(Conclude(0))
    refusal = far.say(Accompany(1, 9))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "budget"


def test_a_lost_session_ends_its_control_traffic():
    far = Far()
    far.come(0, 0, "a", 1000)
    far.told(0, 3, 50)
    far.responder.disconnect(far.session)
    assert far.sent(2.0) == []
    assert not far.responder.control_tags


def test_tags_are_known_in_a_window_alone():
    tags: dict[bytes, tuple[str, int, int]] = {}
    expected = ExpectedTags(tags, "x", bytes(32), "up", 1)
    for number in range(0, 5000, 100):
        assert packet_tag(bytes(32), 0, "up", number) in tags
        expected.came(0, number)
        assert len(tags) <= 2 * WINDOW
    assert packet_tag(bytes(32), 0, "up", 0) not in tags
    expected.forget()
    assert not tags


def test_lengths_are_bounded():
    assert [imitated_size(size) for size in (0, 24, 160, 9000)] == [24, 24, 160, 1472]
    assert MOST_PACKETS // 8 * 16 < messages.MAX_CONTROL_FRAME_BYTES, "the counts of all flows fit into a frame"
