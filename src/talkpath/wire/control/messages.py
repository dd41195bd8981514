"""Encodes and decodes the control channel's messages (spec/tp-005): length-prefixed MessagePack over TLS 1.3.

A frame is a 4-byte big-endian length and one message, an array whose first item is its name.
Version 2: Hello -> Welcome or Refusal; Open; then for each epoch Begin -> Ready, Close -> Report; Finish -> Receipt.
With `check --like`: PlayShape -> Ready(-1) after that of Open.
Beside a call of the user's own: Accompany -> Ready, Pattern ..., Conclude -> Counts.
`Decoder.feed` takes bytes in pieces of any size; anything but a message of this list raises `WireError`.
"""

from __future__ import annotations

import struct

import msgspec
from msgspec import Struct, field

from talkpath.errors import WireError
from talkpath.wire.control.question import BASELINE, Question
from talkpath.wire.control.receipt import Digest

PROTOCOL_VERSION = 2
MAX_CONTROL_FRAME_BYTES = 1 << 20
SHORT_FRAME = 8192  # the longest frame that a probe sends, except its reports; a Hello has about 2000 bytes


class ControlMessage(Struct, frozen=True, array_like=True, tag=True):
    """The base of the messages below."""


class Hello(ControlMessage, frozen=True):
    """Probe to responder. `commit` binds the probe's 32-byte seed; `shapes` has the digest of each arm's imitation,
    b"" for an arm that looks like the shape that will be sent (`PlayShape`).

    `proof` proves the token of the invitation that ends at `until`, for this connection (`invitation`); it is empty for
    links without a token.
    """

    versions: tuple[int, ...]
    agent: str
    commit: bytes
    shapes: dict[str, bytes]
    key: bytes = b""
    until: str = ""
    proof: bytes = b""


class Welcome(ControlMessage, frozen=True):
    """The responder's part of the seed, its UDP ports, and the arms whose imitation is the same at both ends.

    `tcp_ports`, `tls_ports` take framed calls (RFC 4571), `wss_ports` calls over a WebSocket in TLS. `responder_class`
    is `home`, `hosting` or `unknown`. `network` and `country` are the responder's own look-up of the address it saw
    ("AS0", "ZZ" unknown). `open_epochs` is how many epochs may run at once, `control_flows` how many control flows
    beside a call of the probe's user. `shape_bytes` is how long a shape it takes (`PlayShape`): 0 where its operator
    refuses them.
    """

    version: int
    session: bytes
    seed: bytes
    ports: tuple[int, ...]
    arms: tuple[str, ...]
    max_bytes: int
    responder_class: str
    network: str
    country: str
    tcp_ports: tuple[int, ...]
    tls_ports: tuple[int, ...]
    wss_ports: tuple[int, ...]
    open_epochs: int
    control_flows: int
    shape_bytes: int


class Refusal(ControlMessage, frozen=True):
    """The responder refuses or ends the session. `code`: version, busy, budget, order, shape, internal.

    `versions` are those that the responder supports, if it supports none of the probe's.
    """

    code: str
    sentence: str
    versions: tuple[int, ...] = ()


class Open(ControlMessage, frozen=True):
    """The probe reveals its seed; from then on both ends know every role and every packet."""

    seed: bytes


class PlayShape(ControlMessage, frozen=True):
    """The shape of a recorded call, as its file has it: from now on epochs may be asked for whose calls look so. Once a
    session, after `Open`. Answered by `Ready` with the number -1."""

    text: bytes


class Begin(ControlMessage, frozen=True):
    """The probe starts one epoch, which both ends lay out from the seeds.

    `first_tuple` is the number of its first 5-tuple (experiment.five_tuples), of those that run from `locals` local
    ports. Flows over paths run from local ports beyond them. Of paths
    `question` names what both ends see: no TURN server, and no TLS ClientHello.
    """

    number: int
    arm: str
    k: int
    packets: int
    first_tuple: int
    locals: int
    question: Question = BASELINE


class Ready(ControlMessage, frozen=True):
    """The responder has laid out the epoch and knows its packets."""

    number: int


class Close(ControlMessage, frozen=True):
    """The probe's cut: arrivals from here on are late. It contains what the probe sent and received."""

    number: int
    flows: tuple[FlowReport, ...]
    ended: bool = False


class FlowReport(Struct, frozen=True, array_like=True):
    """One end's facts of one flow.

    `sent` and `arrived` are bitmaps over the slots that this end sends and receives. `sent_dms` and `arrived_dms` hold,
    for each set bit in order, an int16 in steps of 0.1 ms, little-endian: actual minus due time, the due time counted
    from this end's start of the epoch (clipped; -32768 is "not known"). If the epoch limits hops, `exceeded` counts the
    Time Exceeded messages for this flow's packets, and `router` is the kind of router that sent them. `added` counts
    datagrams of its 5-tuple that the other end did not send, or not so long (0 from older responders).
    """

    sent: bytes
    sent_dms: bytes
    arrived: bytes
    arrived_dms: bytes
    exceeded: int = 0
    router: str = ""
    added: int = 0


class Report(ControlMessage, frozen=True):
    """The responder's facts of one epoch. `late`: late arrivals of epochs reported before, one bitmap per flow."""

    number: int
    flows: tuple[FlowReport, ...]
    late: dict[int, tuple[bytes, ...]] = field(default_factory=dict)


class Finish(ControlMessage, frozen=True):
    """No more epochs. `digest` is SHA-256 over the probe's facts of all epochs, `run_digest` over the rest of its facts
    (`measure.facts_digest`)."""

    digest: Digest
    ended: str
    run_digest: Digest


class Receipt(ControlMessage, frozen=True):
    """The responder's final message: the late arrivals of all epochs, and its signature (evidence/)."""

    late: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    body: bytes = b""
    signature: bytes = b""


class Accompany(ControlMessage, frozen=True):
    """A call of the probe's user has begun: take control traffic beside it (`experiment.control_packets`). Answered by
    `Ready`. Flow n goes to port number (`number` + n) mod len(ports)."""

    number: int
    flows: int


class Pattern(ControlMessage, frozen=True):
    """Packets that the call received: when, in ms of the probe's clock, and their lengths. The responder sends as many,
    as long and as far apart, over each flow. `first` is the number of the first of them. It is not answered."""

    number: int
    first: int
    at_ms: tuple[int, ...]
    sizes: tuple[int, ...]


class Conclude(ControlMessage, frozen=True):
    """The call is over. Answered by `Counts`."""

    number: int


class ControlCounts(Struct, frozen=True, array_like=True):
    """The responder's facts of one control flow: bitmaps of the packets that arrived, and of those that it sent."""

    arrived: bytes
    sent: bytes


class Counts(ControlMessage, frozen=True):
    """The responder's facts of the control traffic beside one call."""

    number: int
    flows: tuple[ControlCounts, ...]


AnyMessage = (
    Hello
    | Welcome
    | Refusal
    | Open
    | PlayShape
    | Begin
    | Ready
    | Close
    | Report
    | Finish
    | Receipt
    | Accompany
    | Pattern
    | Conclude
    | Counts
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


def encode_message(message: AnyMessage) -> bytes:
    """Encode one frame."""
    body = _encoder.encode(message)
    return struct.pack("!I", len(body)) + body


class Decoder:
    """Splits a byte stream into frames, none longer than `limit`."""

    def __init__(self, limit: int = MAX_CONTROL_FRAME_BYTES) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[AnyMessage]:
        """Return the messages completed by `data`; `WireError` for an invalid frame."""
        self._buffer += data
        messages: list[AnyMessage] = []
        while len(self._buffer) >= 4:
            (size,) = struct.unpack_from("!I", self._buffer)
            if size > min(self.limit, MAX_CONTROL_FRAME_BYTES):
                raise WireError("control channel: a frame longer than any message; the other end is no talkpath")
            if len(self._buffer) < 4 + size:
                break
            body = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            messages.append(_decode_body(body))
        return messages


def _decode_body(body: bytes) -> AnyMessage:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise WireError("control channel: a frame that is no message of tp-005; is the other end newer?") from error
