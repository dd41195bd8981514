"""The probe's end of one session with one responder: the conversation on the control channel (spec/tp-005).

An engine: bytes and the time in, packets and the next wake-up out. `begin` asks for an epoch; when both ends have
reported it, its facts appear in `finished`.

    Hello -> Welcome, Open -> Ready(-1), (Begin -> Ready, Close -> Report) ..., Finish -> Receipt
    before the first Begin, with `check --like`: PlayShape -> Ready(-1)

Once something was measured, a responder that is lost, refuses or breaks the protocol is a value (`ended`) and no
exception; before that it raises `PeerError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from talkpath.apps.contract.shape import Arm
from talkpath.errors import PeerError, WireError
from talkpath.experiment.budget import OPENING_BYTES, control_bytes
from talkpath.experiment.flight import NEVER
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import Layout, Outline, as_asked, epoch_outline, lay_out
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.measure.facts import ChannelEnding, Ending, SignedReceipt
from talkpath.probe import validate
from talkpath.probe.epochs import ProbeEpochs
from talkpath.probe.flight import ProbeFlight, ProbePacket
from talkpath.version import VERSION
from talkpath.wire.control import messages
from talkpath.wire.control.invitation import NO_INVITATION, Invitation
from talkpath.wire.control.messages import (
    AnyMessage,
    Begin,
    Close,
    Finish,
    Hello,
    Open,
    PlayShape,
    Ready,
    Receipt,
    Report,
)
from talkpath.wire.control.question import Question

RUNNING_EPOCHS = 6  # at once, of those that follow one another, where the control channel is slow
# the far end is lost when it neither answers within half of this nor says anything within all of it
FAR_END_ANSWER_S = 10.0

TURNED_AWAY = (
    "The test server closed the connection without an answer: the invitation has ended, or the link was "
    "damaged on its way to you; copy it whole, or ask for a new one."
)
NO_TOKEN = (
    "The test server closed the connection without an answer: the link has no token, and links without one work only "
    "with servers that are open to everybody; ask for a new link."
)


@dataclass(slots=True)
class ProbeSession:
    """One session. `seed` is 32 unpredictable bytes; `arms` are those that may be asked about; `key` is the public key
    of the run, which signs the evidence. `shape` is the text of the recorded shape that one of the arms looks like.

    Times in the facts count from `connected`. Bytes are those of IP packets; TCP's share of them is computed, not seen.
    """

    seed: bytes
    arms: tuple[Arm, ...]
    family: int = 4
    key: bytes = b""
    shape: bytes = b""
    invitation: Invitation = NO_INVITATION
    welcome: messages.Welcome | None = None
    rtt_s: float = 0.0
    opened: bool = False
    ended: Ending | Literal[""] = ""
    receipt: Receipt | None = None
    due_s: float = NEVER  # when `poll` has more to do than to send packets
    outbox: bytearray = field(default_factory=bytearray)  # what `control_out` will give
    epochs: ProbeEpochs = field(init=False)
    _key: bytes = b""
    _decoder: messages.Decoder = field(default_factory=messages.Decoder)
    _waiting_s: float = NEVER
    _unanswered: int = 0
    _asked_s: float = 0.0
    _refused: str = ""
    _shape_sent: bool = False

    def __post_init__(self) -> None:
        self.epochs = ProbeEpochs(self.family)

    # -- what is known ---------------------------------------------------------------------------------------

    @property
    def wake_s(self) -> float:
        """When `poll` has something to do next."""
        return min(self.due_s, self.epochs.wake_s)

    @property
    def room(self) -> bool:
        """Whether the responder takes one more epoch now, besides those that follow one another."""
        return self.welcome is not None and self.epochs.running + RUNNING_EPOCHS < self.welcome.open_epochs

    @property
    def alike(self) -> tuple[Arm, ...]:
        """The arms that both ends imitate alike, once welcomed: only these may be asked about. A recorded shape is sent
        to the far end, which has none of its own."""
        return tuple(arm for arm in self.arms if self.welcome and (arm.is_recorded or str(arm) in self.welcome.arms))

    @property
    def signed(self) -> SignedReceipt | None:
        """The responder's receipt; None where it has not signed one."""
        return SignedReceipt(self.receipt.body, self.receipt.signature) if self.receipt and self.receipt.body else None

    # -- the control channel ---------------------------------------------------------------------------------

    def connected(self, now_s: float, invitation: Invitation = NO_INVITATION) -> None:
        """The control channel is open (and, on real networks, its key is the pinned one). `invitation` is the proof of
        the link's, for this connection."""
        self.invitation = invitation
        self.epochs.family = self.family
        self.epochs.spend(*OPENING_BYTES)
        shapes = {str(arm): b"" if arm.is_recorded else shape_digest(arm) for arm in self.arms}
        hello = Hello(
            versions=(messages.PROTOCOL_VERSION,),
            agent=f"talkpath/{VERSION}",
            commit=seed_commitment(self.seed),
            shapes=shapes,
            key=self.key,
            until=invitation.until,
            proof=invitation.proof,
        )
        self._send(now_s, hello)
        self._asked_s = self.epochs.zero_s = self.epochs.heard_s = now_s

    def disconnected(self, now_s: float, why: ChannelEnding = "responder_lost") -> None:
        """The control channel is gone: what was measured is kept, running epochs end without the far end's reports.

        `why` "turned_away": the responder itself closed it. `PeerError` where it did so at once, without any answer: so
        it treats strangers. One that closes after a long silence is a server that has stopped working.
        """
        if why == "turned_away":
            if self.welcome is None and now_s < self._asked_s + FAR_END_ANSWER_S / 2:
                raise PeerError(TURNED_AWAY if self.invitation.proof else NO_TOKEN)
            why = "responder_lost"
        if not self.ended:
            self.ended = why
        self._waiting_s = NEVER
        self.abandon(now_s, self.ended)

    def end_silent(self, now_s: float) -> None:
        """End the long calls that went silent while others are heard."""
        if self.epochs.end_silent(now_s):
            self._plan()

    def end_beside(self, now_s: float) -> None:
        """End all calls that live through the check: nothing waits for them any more."""
        self.epochs.end_beside(now_s)
        self._plan()

    def abandon(self, now_s: float, why: Ending) -> None:
        """End running epochs here, without the far end's reports and without weight in any verdict."""
        self.epochs.abandon(now_s, why)
        self._plan()

    def receive(self, now_s: float, data: bytes) -> None:
        """Control bytes from the responder."""
        self.epochs.heard_s = now_s
        along, against = control_bytes(len(data), self.family)
        self.epochs.spend(against, along)
        try:
            for message in self._decoder.feed(data):
                self._unanswered -= 1
                self._waiting_s = now_s + FAR_END_ANSWER_S / 2 if self._unanswered > 0 else NEVER
                self._take(now_s, message)
        except WireError as error:
            self._fail(now_s, "The test server does not speak talkpath's control protocol; check the link.", error)
        except PeerError as error:
            self._fail(now_s, str(error), error)
        self._plan()

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        if not self.outbox:
            return b""
        out = bytes(self.outbox)
        self.outbox.clear()
        self.epochs.spend(*control_bytes(len(out), self.family))
        return out

    def finish(self, now_s: float, digest: bytes, ended: Ending, run_digest: bytes) -> None:
        """Tell the responder that no more epochs follow, and the digests of the facts for its receipt."""
        self._send(now_s, Finish(digest, ended, run_digest))

    def _fail(self, now_s: float, sentence: str, cause: Exception) -> None:
        """End the session. `PeerError` where nothing was measured; otherwise the facts are kept."""
        if not self.epochs.finished:
            raise PeerError(sentence) from cause
        self.disconnected(now_s, "budget" if self._refused == "budget" else "responder_lost")

    def _send(self, now_s: float, message: AnyMessage) -> None:
        self.outbox += messages.encode_message(message)
        self._unanswered += 1
        self._waiting_s = min(self._waiting_s, now_s + FAR_END_ANSWER_S / 2)
        self._plan()

    def _take(self, now_s: float, message: AnyMessage) -> None:
        match message:
            case messages.Welcome():
                self._welcomed(now_s, message)
            case messages.Refusal(code=code):
                self._refused = code
                raise PeerError(validate.refusal_sentence(message))
            case Ready(number=number):
                self._ready(now_s, number)
            case Report(number=number, flows=flows, late=late):
                if not self.epochs.reported(now_s, number, flows):
                    raise PeerError("The test server reported an epoch that it was not asked about; is it talkpath?")
                self.epochs.note_late(late)
            case Receipt(late=late):
                self.epochs.note_late(late)
                self.receipt = message
                self.ended = self.ended or "done"
            case _:
                raise PeerError("The test server sent a message that is the probe's to send; is it talkpath?")

    def _welcomed(self, now_s: float, welcome: messages.Welcome) -> None:
        if self.welcome is not None:
            raise PeerError("The test server welcomed twice; is it talkpath?")
        self.welcome = validate.checked_welcome(welcome, self.shape)
        if not self.alike:
            raise PeerError("The test server imitates these apps otherwise; use the same talkpath at both ends.")
        self.rtt_s = now_s - self._asked_s
        self._key = session_key(self.seed, welcome.seed)
        self._send(now_s, Open(self.seed))

    def _ready(self, now_s: float, number: int) -> None:
        if number == -1 and self.welcome is not None:
            self.opened = self._shape_sent or not self.shape
            if not self.opened:
                self._shape_sent = True
                self._send(now_s, PlayShape(self.shape))
        elif not self.epochs.start(now_s, number, self.rtt_s):
            raise PeerError("The test server answered an epoch that was not asked for; is it talkpath?")

    # -- epochs ----------------------------------------------------------------------------------------------

    def outline(self, begin: Begin) -> Outline:
        """The schedule of an epoch, which tells its cost before it is asked for."""
        return epoch_outline(self._key, begin)

    def lay_out(self, begin: Begin) -> Layout:
        """The whole of an epoch, before it is asked for."""
        if self.welcome is None:
            raise PeerError("The test server has not answered yet.")
        return lay_out(self._key, begin, self.welcome.ports)

    def begin(self, now_s: float, begin: Begin, question: Question, not_before_s: float = 0.0) -> None:
        """Ask for an epoch; its first packet leaves once the responder is ready, not before `not_before_s`.
        `question` may name more than the far end is told (`experiment.layout.as_asked`)."""
        streams = self.welcome.tcp_ports if self.welcome else ()
        layout = as_asked(self.lay_out(begin), question)
        flight = ProbeFlight(layout, streams[0] if streams else 0, self.family)
        self.epochs.request(flight, not_before_s)
        self._send(now_s, begin)

    def poll(self, now_s: float) -> list[ProbePacket]:
        """All packets that are due now; cuts epochs whose time is over, and notices a silent responder."""
        packets = self.epochs.emit(now_s)
        if now_s >= self.due_s:
            self._attend(now_s)
        return packets

    def _attend(self, now_s: float) -> None:
        """Do what is due besides packets."""
        for running in self.epochs.cut(now_s):
            self._send(now_s, Close(running.layout.begin.number, running.reports))
        if now_s >= self._waiting_s:
            self._waiting_s = self.epochs.heard_s + FAR_END_ANSWER_S
            if now_s >= self._waiting_s:
                self.disconnected(now_s)
        self._plan()

    def _plan(self) -> None:
        """Compute the next times anew: an epoch came or went, or a message was sent."""
        self.epochs.plan()
        self.due_s = min(self._waiting_s, self.epochs.cut_s)
