"""The responder gives nothing to strangers, little to the unproven, and refuses in one sentence."""

from __future__ import annotations

import hashlib
from random import Random

import pytest

from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import lay_out, packet_keys, sending_order
from talkpath.experiment.nonce import put_nonce, read_nonce
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages
from talkpath.wire.control.messages import (
    AnyMessage,
    Begin,
    Close,
    Decoder,
    Finish,
    Hello,
    Open,
    Ready,
    Receipt,
    Refusal,
    Report,
)
from talkpath.wire.control.question import TransportPaths

PORTS = tuple(range(3000, 3016))
ARM = next(arm for arm in shapes() if arm.app == "webrtc" and arm.medium == "voice")
SEED = bytes(range(32))


class Probe:
    """The other end of one control connection, by hand."""

    def __init__(self, responder: Responder, block: str = "a") -> None:
        self.responder, self.connection = responder, responder.connect(block)
        self.key = b""

    def say(self, message: AnyMessage) -> AnyMessage:
        return self.raw(messages.encode_message(message))

    def raw(self, data: bytes) -> AnyMessage:
        (answer,) = Decoder().feed(self.responder.receive(0.0, self.connection, data))
        return answer

    def hello(self, **changes: object) -> AnyMessage:
        fields: dict[str, object] = {
            "versions": (messages.PROTOCOL_VERSION,),
            "agent": "test",
            "commit": seed_commitment(SEED),
            "shapes": {str(ARM): shape_digest(ARM)},
        }
        return self.say(Hello(**fields | changes))  # type: ignore[arg-type]

    def opened(self) -> Probe:
        welcome = self.hello()
        assert isinstance(welcome, messages.Welcome)
        self.key = session_key(SEED, welcome.seed)
        assert self.say(Open(SEED)) == Ready(-1)
        return self


def responder(**limits: int) -> Responder:
    return Responder(Identity(PORTS), Limits(**limits), draw=Random(1).randbytes)


def begin(number: int = 0, **changes: object) -> Begin:
    fields: dict[str, object] = {"arm": str(ARM), "k": 2, "packets": 10, "first_tuple": 0, "locals": 120}
    return Begin(number, **fields | changes)  # type: ignore[arg-type]


def test_a_session_from_hello_to_receipt() -> None:
    probe = Probe(responder()).opened()
    assert probe.say(begin()) == Ready(0)
    report = probe.say(Close(0, ()))
    assert isinstance(report, Report)
    assert [flow.arrived.strip(b"\0") for flow in report.flows] == [b""] * 5
    assert isinstance(probe.say(Finish(hashlib.sha256(b"").digest(), "done", bytes(32))), Receipt)
    assert probe.connection.closed


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (begin(), "order"),
        (Open(SEED), "order"),
        (Close(0, ()), "order"),
        (Ready(1), "order"),
        (Hello((9,), "x", seed_commitment(SEED), {}), "version"),
    ],
    ids=["begin first", "open first", "close first", "not the probe's", "version 9"],
)
def test_what_comes_out_of_order_is_refused(message: AnyMessage, code: str) -> None:
    probe = Probe(responder())
    answer = probe.say(message)
    assert isinstance(answer, Refusal)
    assert answer.code == code
    assert probe.connection.closed


@pytest.mark.parametrize(
    "changes",
    [{"k": 0}, {"k": 1000}, {"packets": 10**6}, {"question": TransportPaths(("udp/22",))}, {"locals": 0}],
    ids=str,
)
def test_an_epoch_that_is_too_large_is_refused(changes: dict[str, object]) -> None:
    assert isinstance(Probe(responder()).opened().say(begin(**changes)), Refusal)


def test_an_arm_that_is_imitated_otherwise_is_refused() -> None:
    probe = Probe(responder())
    welcome = probe.hello(shapes={str(ARM): b"otherwise"})
    assert isinstance(welcome, messages.Welcome)
    assert welcome.arms == ()
    probe.say(Open(SEED))
    assert isinstance(probe.say(begin()), Refusal)


def test_another_seed_than_the_committed_one_is_refused() -> None:
    probe = Probe(responder())
    probe.hello()
    assert isinstance(probe.say(Open(bytes(32))), Refusal)


def test_an_address_block_gets_so_many_sessions_and_another_still_some() -> None:
    far = responder(sessions_per_block=2)
    for _ in range(2):
        Probe(far, "a").opened()
    assert isinstance(Probe(far, "a").hello(), Refusal)
    Probe(far, "b").opened()


def test_a_session_that_hung_up_makes_room() -> None:
    far = responder(sessions_per_block=1)
    first = Probe(far, "a").opened()
    far.disconnect(first.connection)
    Probe(far, "a").opened()


def test_a_session_has_so_many_bytes() -> None:
    probe = Probe(responder(session_bytes=10_000)).opened()
    assert isinstance(probe.say(begin(0, packets=100)), Refusal)


def test_garbage_on_the_control_channel_gets_one_refusal() -> None:
    assert isinstance(Probe(responder()).raw(b"\0\0\0\x01x"), Refusal)


def test_strangers_get_no_answer() -> None:
    probe = Probe(responder()).opened()
    probe.say(begin())
    draws = Random(2)
    for _ in range(2000):
        assert probe.responder.datagram(0.0, "stranger", 3000, draws.randbytes(draws.randrange(200))) == []


def test_a_packet_that_was_changed_anywhere_did_not_come_and_a_lengthened_one_is_counted() -> None:
    probe = Probe(responder()).opened()
    probe.say(begin())
    layout = lay_out(probe.key, begin(), PORTS)
    draws = Random(3)
    index, flow = next((i, f) for i, f in enumerate(layout.flows) if f.twin_kind == "random")
    for slot in layout.up.slots:
        shape, data = layout.schedule.slots[slot], flow.datagrams[slot]
        room = range(shape.nonce_at, shape.nonce_at + NONCE_BYTES) if shape.nonce_at is not None else range(0)
        at = draws.choice([place for place in range(shape.key_at + KEY_BYTES, len(data)) if place not in room])
        changed = data[:at] + bytes([data[at] ^ 1 << draws.randrange(8)]) + data[at + 1 :]
        assert probe.responder.datagram(1.0, "me", flow.port, changed) == []
    assert probe.responder.datagram(1.0, "me", flow.port, data + b"longer") == []
    report = probe.say(Close(0, ()))
    assert isinstance(report, Report)
    assert (report.flows[index].arrived.strip(b"\0"), report.flows[index].added) == (b"", 1)


def test_no_more_goes_out_than_came_in_until_the_nonce_is_echoed() -> None:
    """A forged source that cannot see what it is sent: every packet of the call is played from it, without echo."""
    probe = Probe(responder()).opened()
    probe.say(begin(packets=60))
    layout = lay_out(probe.key, begin(packets=60), PORTS)
    for index, flow in enumerate(layout.flows):
        got = gave = 0
        for cell, due_ms in zip(*sending_order(layout.schedule, layout.up), strict=True):
            owner, bit = divmod(cell, len(layout.up.slots))
            if owner != index:
                continue
            data = flow.datagrams[layout.up.slots[bit]]
            got += len(data)
            out = probe.responder.datagram(due_ms / 1000, ("forged", index), flow.port, data)
            out += probe.responder.poll(due_ms / 1000)
            gave += sum(len(packet.data) for packet in out if packet.source == ("forged", index))
            assert gave <= got


def test_an_echoed_nonce_opens_the_flow() -> None:
    probe = Probe(responder()).opened()
    probe.say(begin(packets=60))
    layout = lay_out(probe.key, begin(packets=60), PORTS)
    index, flow = next((i, f) for i, f in enumerate(layout.flows) if f.twin_kind == "random")
    keys = packet_keys(layout, layout.down)
    nonce = gave = got = 0
    for cell, due_ms in zip(*sending_order(layout.schedule, layout.up), strict=True):
        owner, bit = divmod(cell, len(layout.up.slots))
        if owner != index:
            continue
        slot = layout.schedule.slots[layout.up.slots[bit]]
        data = flow.datagrams[layout.up.slots[bit]]
        data = put_nonce(data, slot, nonce, printable=False, fingerprint=False) if nonce else data
        got += len(data)
        for packet in probe.responder.datagram(due_ms / 1000, "me", flow.port, data) + probe.responder.poll(
            due_ms / 1000
        ):
            gave += len(packet.data)
            _, down = keys.get(packet.data[:40]) or keys[packet.data[40:80]]
            place = layout.schedule.slots[layout.down.slots[down]]
            nonce = nonce or read_nonce(flow.datagrams[layout.down.slots[down]], packet.data, place, printable=False)
    assert nonce
    down_bytes = sum(s.size for s in layout.schedule.slots if s.direction == "down" and s.stage == "media")
    assert gave >= 0.9 * down_bytes
