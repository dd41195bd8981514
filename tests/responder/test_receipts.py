"""What a responder signs is what it saw, for the probe that asked, and holds no address."""

from __future__ import annotations

import struct
import sys
import tracemalloc

import msgspec
import pytest
from msgspec.structs import replace
from test_session import ARM, PORTS, SEED, begin

from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import lay_out
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.responder import receipts
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.limits import Identity
from talkpath.responder.receipts import ReceiptSigner, pack_late, unpack_late
from talkpath.responder.responder import Responder
from talkpath.responder.session import ResponderSession
from talkpath.responder.session_epochs import LINGER_S
from talkpath.wire.control import messages
from talkpath.wire.control.keys import Signer
from talkpath.wire.control.messages import AnyMessage, Close, Decoder, Finish, Hello, Open, Receipt, Refusal, Welcome
from talkpath.wire.control.receipt import ReceiptStatement, unseal_receipt

SIGNER, KEY, HOUR = Signer.of_seed(bytes(range(32))), b"k" * 32, "2026-11-24T20:00:00Z"


class Session:
    """One epoch by hand."""

    def __init__(self, signing: ReceiptSigner | None) -> None:
        self.far = Responder(Identity(PORTS, responder_class="home"), receipts=signing)
        self.connection: ResponderSession = self.far.connect("a", NetworkOrigin("AS64497", "XX"))
        shapes = {str(ARM): shape_digest(ARM)}
        welcome = self.say(Hello((messages.PROTOCOL_VERSION,), "test", seed_commitment(SEED), shapes, KEY))
        assert isinstance(welcome, Welcome)
        self.welcome = welcome
        self.say(Open(SEED))
        self.layout = lay_out(session_key(SEED, welcome.seed), begin(), PORTS)
        self.say(begin())

    def say(self, message: AnyMessage, now_s: float = 0.0) -> AnyMessage:
        data = self.far.receive(now_s, self.connection, messages.encode_message(message))
        (answer,) = Decoder().feed(data)
        return answer

    def hear(self, bit: int, now_s: float) -> None:
        """Packet `bit` of the first flow comes up."""
        flow = self.layout.flows[0]
        data = flow.datagrams[self.layout.up.slots[bit]]
        assert len(data) > KEY_BYTES
        self.far.datagram(now_s, "somewhere", flow.port, data)

    def finish(self, now_s: float) -> Receipt:
        receipt = self.say(Finish(b"d" * 32, "done", b"r" * 32), now_s)
        assert isinstance(receipt, Receipt)
        return receipt

    def signed(self, now_s: float) -> ReceiptStatement:
        receipt = self.finish(now_s)
        return unseal_receipt(receipt.body, receipt.signature)


def test_it_names_the_run_and_where_it_came_from() -> None:
    session = Session(ReceiptSigner(SIGNER, lambda: HOUR))
    assert (session.welcome.network, session.welcome.country) == ("AS64497", "XX")
    found = session.signed(1.0)
    assert found == ReceiptStatement(
        probe_key=KEY,
        responder_key=SIGNER.public,
        probe_seed=SEED,
        responder_seed=session.welcome.seed,
        facts_digest=b"d" * 32,
        responder_class="home",
        network="AS64497",
        country="XX",
        ended_at=HOUR,
        epochs=(),
        run_digest=b"r" * 32,
        started_at=HOUR,
    )


def test_what_came_late_takes_no_more_memory_than_its_bits() -> None:
    bitmaps = tuple(bytes([number, 0, 0, 1]) for number in range(48))
    packed = pack_late(bitmaps)
    assert unpack_late(packed) == bitmaps
    assert sys.getsizeof(packed) < sum(map(sys.getsizeof, bitmaps)) / 5


@pytest.mark.parametrize(
    "finish", [[b"d" * 32, "done"], *([b"d" * 32, "done", bytes(count)] for count in (0, 5, 33, 5000))], ids=len
)
def test_a_probe_that_does_not_bind_its_whole_run_gets_no_receipt(finish: list[object]) -> None:
    session = Session(ReceiptSigner(SIGNER, lambda: HOUR))
    data = msgspec.msgpack.encode(["Finish", *finish])
    (answer,) = Decoder().feed(session.far.receive(1.0, session.connection, struct.pack("!I", len(data)) + data))
    assert isinstance(answer, Refusal)


def test_it_holds_what_came_in_time_and_what_came_late() -> None:
    session = Session(ReceiptSigner(SIGNER, lambda: HOUR))
    last = len(session.layout.up.slots) - 1
    session.hear(0, 0.1)
    session.say(Close(0, ()), 2.0)
    session.hear(last, 2.0 + LINGER_S / 2)
    (epoch,) = session.signed(2.0 + LINGER_S / 2).epochs
    assert (epoch.number, epoch.arm, epoch.question) == (0, str(ARM), "baseline")
    first, *others = epoch.flows
    assert int.from_bytes(first.arrived, "little") == 1
    assert int.from_bytes(first.late, "little") == 1 << last
    assert not any(int.from_bytes(flow.arrived + flow.late, "little") for flow in others)
    roles = [
        "canary" if flow.canary else flow.twin_kind if flow.role == "twin" else "call" for flow in session.layout.flows
    ]
    assert [flow.role for flow in epoch.flows] == roles


def test_what_came_long_after_is_in_it_too() -> None:
    session = Session(ReceiptSigner(SIGNER, lambda: HOUR))
    session.say(Close(0, ()), 2.0)
    session.hear(0, 3.0)
    session.far.poll(2.0 + LINGER_S + 1.0)
    (epoch,) = session.signed(60.0).epochs
    assert int.from_bytes(epoch.flows[0].late, "little") == 1


def test_a_responder_without_a_key_or_with_too_much_to_say_signs_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    assert Session(None).finish(1.0) == Receipt()
    monkeypatch.setattr(receipts, "SLACK_BYTES", messages.MAX_CONTROL_FRAME_BYTES)
    assert Session(ReceiptSigner(SIGNER, lambda: HOUR)).finish(1.0) == Receipt()


def test_two_responders_say_different_things() -> None:
    one = Session(ReceiptSigner(SIGNER, lambda: HOUR)).signed(1.0)
    other = Session(ReceiptSigner(Signer.fresh(), lambda: HOUR)).signed(1.0)
    assert one.responder_key != other.responder_key
    assert replace(one, responder_key=b"", responder_seed=b"") == replace(other, responder_key=b"", responder_seed=b"")


def test_what_a_session_keeps_of_its_epochs_is_small() -> None:
    """A session may have hundreds of epochs, and a responder 64 sessions."""
    session = Session(ReceiptSigner(SIGNER, lambda: HOUR))

    def play(numbers: range) -> None:
        for number in numbers:
            session.say(begin(number, k=19, packets=1), float(number))
            session.say(Close(number, ()), float(number))
            session.far.poll(float(number))
        session.far.poll(numbers.stop + LINGER_S)

    tracemalloc.start()
    play(range(1, 21))
    ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, receipts.__file__)])
    tracemalloc.stop()
    flows = sum(len(epoch.flows) for epoch in session.signed(30.0).epochs)
    assert flows == 20 * 47
    assert 10 < sum(one.size for one in ours.statistics("filename")) / flows < 40  # bytes a flow
