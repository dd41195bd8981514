"""One relayed call: an allocation at a TURN server, made by way of a carrier, and the call's packets through it."""

from __future__ import annotations

from contextlib import suppress

from talkpath.probe.relays.allocation import ALLOCATION_TIMEOUT_S, Allocation
from talkpath.probe.relays.turn_carrier import TurnCarrier
from talkpath.probe.relays.turn_server import TurnCredentials, TurnServer
from talkpath.wire.ip.address import Address


class RelayedCall:
    """A call to `peer`, the test server. `setup_bytes` are the IP bytes (up, down) until the outcome was known."""

    def __init__(
        self, server: TurnServer, carrier: TurnCarrier, credentials: TurnCredentials, peer: Address, now_s: float
    ) -> None:
        self.server, self.carrier = server, carrier
        self.setup_bytes: tuple[int, int] | None = None
        self._allocation = Allocation(credentials, peer, streams=server.transport != "udp")
        self._began_s, self._asked_s = now_s, float("inf")
        self.poll(now_s)

    @property
    def outcome(self) -> str:
        """Whether there is an allocation: the word of `Allocation` or of `turn_carrier`, "" while that is not known."""
        return self._allocation.outcome or self.carrier.failed

    @property
    def code(self) -> int:
        """The error code of the server, 0 without one."""
        return self._allocation.code

    @property
    def took_s(self) -> float:
        """How long it took to connect and to allocate."""
        return self._asked_s - self._began_s + self._allocation.took_s if self.outcome == "allocated" else 0.0

    @property
    def wake_s(self) -> float:
        """When `poll` has something to do next."""
        if self.outcome:
            return float("inf")
        return min(self._began_s + ALLOCATION_TIMEOUT_S, self._allocation.wake_s)

    def poll(self, now_s: float) -> None:
        """Ask as soon as the carrier is ready, repeat what was not answered, or give up."""
        if not self.outcome and self._asked_s == float("inf") and self.carrier.ready:
            self._asked_s = now_s
            self._allocation.start(now_s)
        self._allocation.poll(now_s)
        for message in self._allocation.out():
            self.carrier.send(message)
        if not self.outcome and now_s >= self._began_s + ALLOCATION_TIMEOUT_S:
            self.carrier.failed = "silent" if self.carrier.ready else "timeout"
        if self.outcome and self.setup_bytes is None:
            self.setup_bytes = self.carrier.bytes_sent, self.carrier.bytes_received

    def writable(self, now_s: float) -> None:
        """The carrier's socket can be written to."""
        self.carrier.flush()
        self.poll(now_s)

    def read(self, now_s: float) -> list[bytes]:
        """The packets of the call that came."""
        found = [self._allocation.receive(now_s, message) for message in self.carrier.receive()]
        self.poll(now_s)
        return [packet for packet in found if packet is not None]

    def send(self, packet: bytes) -> bool:
        """Send one packet of the call; whether it left. What a stream that has ended would carry counts as lost."""
        if self.outcome != "allocated":
            return False
        return self.carrier.send(self._allocation.wrap(packet)) or self.server.transport != "udp"

    def close(self) -> None:
        """End the allocation, and close the socket."""
        if release := self._allocation.release():
            self.carrier.send(release)
        with suppress(OSError):
            self.carrier.socket.close()
