"""A call of a made-up messenger in virtual time, listened to at the caller's interface, with control traffic beside it.

    accompanied = accompany("telegram", 20.0, scenario, story)
    accompanied.findings        # what `talkpath listen LINK -o` writes: the call's facts, and those of control traffic

Everything but clock and network is what runs on real sockets: the listening engine and the responder's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import inf
from random import Random

import msgspec

from proof.relayed_calls.placed import PLAIN, CallStory, PlacedCall
from proof.relayed_calls.recording import PCAP_HEADER, RECORDED_FROM_S, SeenPacket, VirtualClock, pcap_record
from talkpath.apps.contract.shape import Direction
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.lab.path.link import RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.listening.control_facts import control_facts
from talkpath.listening.control_traffic_scheduler import PICTURE_LOOK_S, ControlTrafficScheduler
from talkpath.listening.control_traffic_session import ControlTrafficSession
from talkpath.measure.call import Findings
from talkpath.probe.flight import ProbePacket
from talkpath.responder.flight import ResponderPacket
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter, split_udp

CALL_PORTS = (3478, 443, 5349)
FIRST_ACCOMPANIED_PORT = 40_000
NETWORK = "AS64500"
"""The caller's, as the test server knows it (RFC 5398: for documentation)."""
CONTROL_S = 0.03
"""How long the control channel's bytes take, one way; none are lost."""
FOLLOWED_AFTER_CALL_S = 8.0
"""The caller's interface is watched for so long after the call."""
CONCLUDED_S = 6.0
LEAST_STEP_S = 0.001
BEGUN_NS = RECORDED_FROM_S * 1_000_000_000


@dataclass(frozen=True, slots=True)
class AccompaniedCall:
    """A call that is over, as its listener saw it, and how it truly ended."""

    findings: Findings
    ending: str
    control_began_s: float | None


def play_accompanied_call(
    app: str,
    seconds: float,
    scenario: Scenario,
    story: CallStory = PLAIN,
    *,
    seed: int | str = 0,
    flows: int = 8,
    start_s: float = 1.0,
) -> AccompaniedCall:
    """Play one call through a simulated network, with control traffic beside it."""
    return _Listened(app, seconds, scenario, story, seed, flows, start_s).run()


class _Listened:
    """One run."""

    def __init__(
        self,
        app: str,
        seconds: float,
        scenario: Scenario,
        story: CallStory,
        seed: int | str,
        flows: int,
        start_s: float,
    ) -> None:
        rng = Random(f"accompanied {seed}")
        self.clock = VirtualClock(scenario.network())
        self.session = ControlTrafficSession(rng.randbytes(32), rng.randbytes, flows)
        self.listener = ControlTrafficScheduler(self.session, lambda: self.clock.now_s)
        self.far = Responder(Identity(CALL_PORTS), draw=rng.randbytes)
        self.far_session = self.far.connect("near", NetworkOrigin(NETWORK, "ZZ"))
        self.seen: list[bytes] = [PCAP_HEADER]
        self.listener.live.feed(PCAP_HEADER)
        self.end_s = start_s + seconds + FOLLOWED_AFTER_CALL_S
        self.call = PlacedCall(self.clock, app, seconds, start_s=start_s, seed=seed, story=story, on_packet=self._see)

    def run(self) -> AccompaniedCall:
        """Play it to its end."""
        self.session.connected(0.0)
        self.clock.later(0.0, self._poll)
        self.clock.later(0.0, self._look)
        self.clock.later(self.end_s, self._stop)
        self.clock.run(self.end_s + CONCLUDED_S)
        recording = scan_capture(BytesIO(b"".join(self.seen)))
        measured = measure_calls(recording)
        begun_ns = measured.begun_ns or BEGUN_NS
        controls = [control_facts(one, begun_ns) for one in self.session.accompanied]
        findings = msgspec.structs.replace(measured.findings, controls=tuple(one for one in controls if one))
        began = [one.run.began_s for one in self.session.accompanied if one.run.began_s is not None]
        return AccompaniedCall(findings, self.call.ending, min(began, default=None))

    # -- the caller's interface

    def _see(self, at_s: float, direction: Direction, packet: bytes) -> None:
        record = pcap_record(SeenPacket(at_s, direction, packet))
        self.seen.append(record)
        self.listener.live.feed(record)

    def _look(self) -> None:
        live = self.listener.live
        if live.packets:
            self.listener.look(self.clock.now_s - self._first_s())
        if self.clock.now_s < self.end_s:
            self.clock.later(self.clock.now_s + PICTURE_LOOK_S, self._look)

    def _first_s(self) -> float:
        begun_ns = self.listener.live.picture(0.0).begun_ns
        return ((begun_ns or BEGUN_NS) - BEGUN_NS) / 1e9

    def _stop(self) -> None:
        self.listener.end()
        self.session.stop()

    # -- both ends

    def _poll(self) -> None:
        now_s = self.clock.now_s
        for packet in self.session.poll(now_s):
            self._send_up(packet)
        self._exchange()
        if not self.session.done:
            self.clock.later(max(self.session.wake_s, now_s + LEAST_STEP_S), self._poll)

    def _exchange(self) -> None:
        out = self.session.control_out()
        if out:
            self.clock.later(self.clock.now_s + CONTROL_S, partial(self._tell_far, out))

    def _tell_far(self, data: bytes) -> None:
        answer = self.far.receive(self.clock.now_s, self.far_session, data)
        if answer:
            self.clock.later(self.clock.now_s + CONTROL_S, partial(self._tell_near, answer))
        self._wake_far()

    def _tell_near(self, data: bytes) -> None:
        self.session.control(self.clock.now_s, data)
        self._exchange()

    def _send_up(self, packet: ProbePacket) -> None:
        """Sockets that are bound to no address send from that of the present access network."""
        if self.call.access is None:
            self.session.unsent(packet)
            return
        near = Address(self.call.access.packed()[0], FIRST_ACCOMPANIED_PORT + packet.local)
        ip = UdpWriter(near, Address(RESPONDER.packed()[0], packet.port)).packet(packet.data)
        for at_s, arrived in self.clock.network.offer(self.clock.now_s, "up", ip):
            self.clock.later(at_s, partial(self._reach_far, arrived))

    def _reach_far(self, ip: bytes) -> None:
        parts = split_udp(ip)
        assert parts is not None  # this file wrote it
        flow, data = parts
        source, port = flow[:4] + flow[-4:-2], int.from_bytes(flow[-2:], "big")
        for packet in self.far.datagram(self.clock.now_s, source, port, data):
            self._send_down(packet)
        self._wake_far()

    def _wake_far(self) -> None:
        if self.far.wake_s < inf:
            self.clock.later(max(self.far.wake_s, self.clock.now_s), self._poll_far)

    def _poll_far(self) -> None:
        if self.far.wake_s <= self.clock.now_s:
            for packet in self.far.poll(self.clock.now_s):
                self._send_down(packet)
            self._wake_far()

    def _send_down(self, packet: ResponderPacket) -> None:
        source = packet.source
        assert isinstance(source, bytes)  # as _reach_far made it
        near = Address(source[:4], int.from_bytes(source[4:], "big"))
        ip = UdpWriter(Address(RESPONDER.packed()[0], packet.port), near).packet(packet.data)
        for at_s, arrived in self.clock.network.offer(self.clock.now_s, "down", ip):
            self.clock.later(at_s, partial(self._reach_near, arrived))

    def _reach_near(self, ip: bytes) -> None:
        parts = split_udp(ip)
        assert parts is not None  # as above
        access = self.call.access
        if access is not None and ip[16:20] == access.packed()[0]:
            self.session.datagram(self.clock.now_s, parts[1])
