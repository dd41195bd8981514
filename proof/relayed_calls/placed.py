"""A call in virtual time: the caller, a simulated network, the app's relay, and the callee behind it.

    call = PlacedCall(clock, "telegram", 30.0, on_packet=note)     # clock: a lab Sim, or VirtualClock(network)

`on_packet(at_s, direction, packet)` is given every IP packet that the caller's interface sees: those that it sends, and
those that arrive. What happens to a call beside the network is in `CallStory`: it moves to another relay, or the caller
to another access network; the relay is congested, or down. None of this is a restriction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from random import Random
from typing import Protocol

from proof.relayed_calls.call_end import MAX_ANSWER_WAIT_S, CallEnd, Ending
from proof.relayed_calls.script import TALKS, CallScript, TalkPattern, shape_of
from talkpath.apps import apps
from talkpath.apps.contract.shape import Direction, Medium, Shape
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, LabHost
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter, split_udp

OnPacket = Callable[[float, Direction, bytes], None]

OTHER_ACCESS = LabHost("probe", "192.0.2.11", "2001:db8:1::11")  # the caller's address on another access network
ROAMING_S = 1.5  # without any network, between two
FIRST_CALL_PORT = 50_000
CALLEE_MS = 20.0  # from the relay to the callee and back half of it: one way


class CallClock(Protocol):
    """The interface of the driver that a call needs: the time, timers, and the network."""

    now_s: float
    network: LabNetwork

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """Calls `action` at `at_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayState:
    """The state of the app's relays: packets that they lose of themselves, what they add, when all of them are down.
    `is_bound`: they take a call's packets from the address and port alone from which it was set up (as TURN does, RFC
    8656 section 3.2), and not from where the last one came."""

    loss: float = 0.0
    added_ms: float = 0.0
    jitter_ms: float = 0.0
    down_from_s: float = inf
    down_to_s: float = inf
    is_bound: bool = False

    def is_down(self, since_s: float) -> bool:
        """Whether they forward nothing, so long after the call began."""
        return self.down_from_s <= since_s < self.down_to_s


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStory:
    """What happens in a call. `moves_s`: when it changes to another relay; `roams_s`: when the caller loses one access
    network and takes another. `patience_s`: how long an end stays in a silent call."""

    caller: TalkPattern = TALKS
    callee: TalkPattern = TALKS
    relays: RelayState = RelayState()
    moves_s: tuple[float, ...] = ()
    roams_s: tuple[float, ...] = ()
    patience_s: float = MAX_ANSWER_WAIT_S


PLAIN = CallStory()


@dataclass(slots=True)
class _Leg:
    """The call over one 5-tuple."""

    near: CallEnd
    far: CallEnd
    up: UdpWriter
    down: UdpWriter | None = None
    source: bytes = b""  # from which it was set up, as the relay sees it
    live: bool = True
    woken_s: dict[Direction, float] = field(default_factory=dict)  # when either end is woken next


class PlacedCall:
    """One call of `seconds` from `start_s` on. Made, it runs by the clock's events. `ended_s` is None while it runs."""

    def __init__(
        self,
        clock: CallClock,
        app: str,
        seconds: float,
        *,
        medium: Medium = "voice",
        start_s: float = 0.0,
        seed: int | str = 0,
        family: int = 4,
        story: CallStory = PLAIN,
        on_packet: OnPacket = lambda at_s, direction, packet: None,
    ) -> None:
        self.app, self.seconds, self.start_s, self.story = app.partition("/")[0], seconds, start_s, story
        self.ended_s: float | None = None
        self.ending: Ending = ""
        self._clock, self._seed, self._family, self._note = clock, seed, family, on_packet
        self._shape: Shape = shape_of(app, medium)
        self._rng = Random(f"relays {seed}")
        self._legs: list[_Leg] = []
        self._access: LabHost | None = LAB_PROBE
        clock.later(start_s, self._begin)

    @property
    def connected_s(self) -> float | None:
        """When the caller first could talk."""
        return min((leg.near.connected_s for leg in self._legs if leg.near.connected_s is not None), default=None)

    @property
    def access(self) -> LabHost | None:
        """The caller on its present access network; None between two."""
        return self._access

    def hang_up(self) -> None:
        """Ends the call at both ends."""
        self._end("hung up")

    # -- its course

    def _begin(self) -> None:
        self._open_leg()
        for at_s in self.story.moves_s:
            self._clock.later(self.start_s + at_s, self._open_leg)
        for at_s in self.story.roams_s:
            self._clock.later(self.start_s + at_s, self._lose_access)
            self._clock.later(self.start_s + at_s + ROAMING_S, self._take_other)
        self._clock.later(self.start_s + self.seconds, self.hang_up)

    def _lose_access(self) -> None:
        self._access = None

    def _take_other(self) -> None:
        if self.ended_s is None:
            self._access = OTHER_ACCESS
            self._open_leg()

    def _open_leg(self) -> None:
        """Goes over to the next relay, or to the same one from another address; media moves once that is connected."""
        if self.ended_s is not None or self._access is None:
            return
        number, now_s = len(self._legs), self._clock.now_s
        relay = app_relay(self.app, number + 1)
        script = self._script(number)
        near = CallEnd(script, "up", now_s, self.story.patience_s)
        far = CallEnd(script, "down", now_s, self.story.patience_s)
        port = (apps()[self.app].ports or (3478,))[0]
        ends = self._access.address(self._family, FIRST_CALL_PORT + number), relay.address(self._family, port)
        leg = _Leg(near, far, UdpWriter(*ends))
        self._legs.append(leg)
        self._poll_near(leg)

    def _script(self, number: int) -> CallScript:
        """What is left of the call; what is muted stays so by the call's own time."""
        gone_s = self._clock.now_s - self.start_s
        caller, callee = (_later_packets(voice, gone_s) for voice in (self.story.caller, self.story.callee))
        return CallScript.of(self._shape, self.seconds - gone_s, f"{self._seed} {number}", caller, callee)

    def _end(self, ending: Ending) -> None:
        if self.ended_s is None:
            self.ended_s, self.ending = self._clock.now_s, ending
            for leg in self._legs:
                leg.near.hang_up(self._clock.now_s)
                leg.far.hang_up(self._clock.now_s)

    # -- packets

    def _poll_near(self, leg: _Leg) -> None:
        self._send_up(leg, leg.near.poll(self._clock.now_s))
        self._drop_older(leg)
        if leg.near.ended_s is not None and leg is self._legs[-1]:
            self._end(leg.near.ending)
        else:
            self._wake(leg, leg.near, self._poll_near)

    def _poll_far(self, leg: _Leg) -> None:
        self._send_down(leg, leg.far.poll(self._clock.now_s))
        self._wake(leg, leg.far, self._poll_far)

    def _wake(self, leg: _Leg, end: CallEnd, poll: Callable[[_Leg], None]) -> None:
        """Polls the end again when it wants, unless that is arranged already."""
        at_s = max(end.wake_s, self._clock.now_s)
        if not leg.live or at_s == inf or at_s >= leg.woken_s.get(end.side, inf):
            return
        leg.woken_s[end.side] = at_s

        def wake() -> None:
            if leg.woken_s.get(end.side) == at_s:
                del leg.woken_s[end.side]
                poll(leg)

        self._clock.later(at_s, wake)

    def _drop_older(self, leg: _Leg) -> None:
        """Ends the legs before this one, once it is connected."""
        if leg.near.connected_s is not None:
            for older in self._legs[: self._legs.index(leg)]:
                older.live = False

    def _send_up(self, leg: _Leg, datagrams: list[bytes]) -> None:
        if self._access is None or not leg.live:
            return
        for data in datagrams:
            packet = leg.up.packet(data)
            self._note(self._clock.now_s, "up", packet)
            for at_s, arrived in self._clock.network.offer(self._clock.now_s, "up", packet):
                if (passed_s := self._through_relay(at_s)) is not None:
                    self._clock.later(passed_s, partial(self._reach_far, leg, arrived))

    def _reach_far(self, leg: _Leg, packet: bytes) -> None:
        parts = split_udp(packet)
        if parts is None or self.ended_s is not None:
            return
        flow, data = parts
        leg.source = leg.source or flow
        if self.story.relays.is_bound and flow != leg.source:
            return
        leg.down = UdpWriter(*_flow_at_relay(flow))
        self._send_down(leg, leg.far.take(self._clock.now_s, data))
        self._poll_far(leg)

    def _send_down(self, leg: _Leg, datagrams: list[bytes]) -> None:
        if leg.down is None or not leg.live:
            return
        for data in datagrams:
            packet, now_s = leg.down.packet(data), self._clock.now_s
            passed_s = self._through_relay(now_s)
            if passed_s is not None:
                self._clock.later(passed_s, partial(self._enter_down, leg, packet))

    def _enter_down(self, leg: _Leg, packet: bytes) -> None:
        for at_s, arrived in self._clock.network.offer(self._clock.now_s, "down", packet):
            self._clock.later(at_s, partial(self._reach_near, leg, arrived))

    def _reach_near(self, leg: _Leg, packet: bytes) -> None:
        parts = split_udp(packet)
        gone = self._access is None or parts is None or not leg.live
        if gone or leg.near.ended_s is not None:
            return
        assert parts is not None  # as above
        self._note(self._clock.now_s, "down", packet)
        self._send_up(leg, leg.near.take(self._clock.now_s, parts[1]))
        self._poll_near(leg)

    def _through_relay(self, at_s: float) -> float | None:
        """When a packet that reaches the relay leaves for the other end; None where it is lost there."""
        relays = self.story.relays
        if relays.is_down(at_s - self.start_s) or (relays.loss and self._rng.random() < relays.loss):
            return None
        return at_s + (CALLEE_MS / 2 + relays.added_ms + relays.jitter_ms * self._rng.random()) / 1000


def _later_packets(voice: TalkPattern, gone_s: float) -> TalkPattern:
    return replace(voice, muted=tuple((first - gone_s, last - gone_s) for first, last in voice.muted))


def _flow_at_relay(flow: bytes) -> tuple[Address, Address]:
    """(relay, caller) as the relay sees them."""
    size = (len(flow) - 4) // 2
    caller = Address(flow[:size], int.from_bytes(flow[-4:-2], "big"))
    return Address(flow[size:-4], int.from_bytes(flow[-2:], "big")), caller
