"""A test server takes the shape of a recorded call from a probe, once a session, within the bounds of its file."""

from __future__ import annotations

from random import Random

import pytest

from factories.networks.welcomes import welcome_with
from factories.packets.handmade_shapes import ice_shape, unnamed_shape
from talkpath.apps.recorded.played import played_shape
from talkpath.errors import PeerError
from talkpath.experiment.seeds import seed_commitment
from talkpath.probe.session import ProbeSession
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages
from talkpath.wire.control.messages import AnyMessage, Begin, Decoder, Hello, Open, PlayShape, Ready, Refusal, Welcome

PORTS = tuple(range(3000, 3016))
SHAPE = played_shape(ice_shape())
SEED = bytes(32)


class Conversation:
    """One control connection, by hand."""

    def __init__(self, **limits: int) -> None:
        self.far = Responder(Identity(PORTS), Limits(**limits), draw=Random(1).randbytes)
        self.connection = self.far.connect("block")

    def say(self, message: AnyMessage) -> AnyMessage:
        (answer,) = Decoder().feed(self.far.receive(0.0, self.connection, messages.encode_message(message)))
        return answer

    def opened(self) -> Conversation:
        welcome = self.say(Hello((messages.PROTOCOL_VERSION,), "test", seed_commitment(SEED), {str(SHAPE.arm): b""}))
        assert isinstance(welcome, Welcome)
        assert self.say(Open(SEED)) == Ready(-1)
        return self


def begin(number: int = 0) -> Begin:
    return Begin(number, str(SHAPE.arm), 2, 10, 0, 120)


def test_calls_like_a_shape_that_was_sent_are_laid_out() -> None:
    probe = Conversation().opened()
    assert probe.say(PlayShape(SHAPE.text)) == Ready(-1)
    assert probe.say(begin()) == Ready(0)
    flight = probe.connection.epochs.flights[0]
    assert flight.layout.shape.arm == SHAPE.arm


def test_another_session_does_not_know_it() -> None:
    far = Conversation()
    far.opened().say(PlayShape(SHAPE.text))
    other = Conversation()
    other.far, other.connection = far.far, far.far.connect("block")
    assert isinstance(other.opened().say(begin()), Refusal)


@pytest.mark.parametrize(
    ("limits", "text", "code", "said"),
    [
        ({"shape_bytes": 0}, SHAPE.text, "shape", "takes no shapes"),
        ({}, b"format = 2", "shape", "no shape of a call"),
        ({}, b"\xff" * 100, "shape", "nor a shape of a call"),
        ({}, SHAPE.text.replace(b'stage = "media"', b'stage = "control"'), "shape", "no media"),
    ],
)
def test_what_a_server_does_not_take_is_refused_in_one_sentence(
    limits: dict[str, int], text: bytes, code: str, said: str
) -> None:
    answer = Conversation(**limits).opened().say(PlayShape(text))
    assert isinstance(answer, Refusal)
    assert answer.code == code
    assert said in answer.sentence


def test_a_shape_comes_after_open_and_once() -> None:
    assert isinstance(Conversation().say(PlayShape(SHAPE.text)), Refusal)
    probe = Conversation().opened()
    probe.say(PlayShape(SHAPE.text))
    assert isinstance(probe.say(PlayShape(unnamed_shape())), Refusal)


def test_the_longest_shape_fits_a_frame_and_a_longer_one_is_no_message() -> None:
    comment = b"#" * (64 * 1024 - len(SHAPE.text))
    assert Conversation().opened().say(PlayShape(SHAPE.text + comment)) == Ready(-1)
    assert isinstance(Conversation().opened().say(PlayShape(SHAPE.text + comment + b"#" * 9000)), Refusal)


def probe_of(welcome: Welcome) -> ProbeSession:
    probe = ProbeSession(SEED, (SHAPE.arm,), shape=SHAPE.text)
    probe.connected(0.0)
    probe.control_out()
    probe.receive(0.1, messages.encode_message(welcome))
    return probe


def test_the_probe_says_which_servers_take_none() -> None:
    with pytest.raises(PeerError, match="--no-shapes"):
        probe_of(welcome_with(ports=PORTS, shape_bytes=0))


def test_the_probe_sends_its_shape_before_it_asks_for_calls() -> None:
    probe = probe_of(welcome_with(ports=PORTS))
    assert Decoder().feed(probe.control_out()) == [Open(SEED)]
    probe.receive(0.2, messages.encode_message(Ready(-1)))
    assert not probe.opened
    assert Decoder().feed(probe.control_out()) == [PlayShape(SHAPE.text)]
    probe.receive(0.3, messages.encode_message(Ready(-1)))
    assert probe.opened
    assert probe.alike == (SHAPE.arm,)
