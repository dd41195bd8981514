"""All relayed calls of a check on real sockets: makes the allocations that the engine waits for, and moves packets.

They are made anew for each question, `CALLS_A_SERVER` at each server, and end with the next one or with the check.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

from talkpath.measure.facts import RelayAttempt
from talkpath.probe.flight import ProbePacket
from talkpath.probe.relays.relayed_call import RelayedCall
from talkpath.probe.relays.turn_carrier import open_carrier
from talkpath.probe.relays.turn_server import TurnCredentials, TurnServer
from talkpath.wire.ip.address import Address

CALLS_A_SERVER: Final = 2  # at each server for each question


class RelayingEngine(Protocol):
    """The engine of a check that asks about relayed calls."""

    @property
    def relays_wanted(self) -> int:
        """The test server's UDP port that relayed calls are to go to, 0 while none are wanted."""

    def allocated(self, now_s: float, attempts: tuple[RelayAttempt, ...], up: int, down: int) -> None:
        """What came of the allocations that were wanted, and the IP bytes that they took."""

    def datagram(self, now_s: float, data: bytes) -> list[ProbePacket]:
        """A packet of a call arrived; what to send at once in answer."""


class RelayPool:
    """The TURN servers of one check. `look_up` is called before it begins, since looking up a name takes time."""

    def __init__(self, engine: RelayingEngine, servers: Sequence[TurnServer], credentials: TurnCredentials) -> None:
        self._engine, self._servers, self._credentials = engine, servers, credentials
        self._addresses: dict[str, Address | None] = {}
        self._calls: list[RelayedCall] = []
        self._of_flow: dict[int, RelayedCall] = {}
        self._is_asking = False

    def look_up(self, family: int) -> None:
        """Find the address of each server, of that IP version where it has one (0: either)."""
        for server in self._servers:
            self._addresses[server.code] = _server_address(server, family)

    @property
    def wake_s(self) -> float:
        """When `poll` has something to do next."""
        if self._engine.relays_wanted and not self._is_asking:
            return 0.0
        return min((call.wake_s for call in self._calls), default=float("inf"))

    def poll(self, now_s: float, far: Address) -> None:
        """Make the allocations that the engine wants, to the test server at `far`, and tell it what came of them."""
        port = self._engine.relays_wanted
        if port and not self._is_asking:
            self._allocate(now_s, Address(far.packed, port))
        for call in self._calls:
            call.poll(now_s)
        if self._is_asking and all(call.outcome for call in self._calls):
            self._is_asking = False
            spent = [call.setup_bytes or (0, 0) for call in self._calls]
            attempts = tuple(self._attempts())
            self._engine.allocated(now_s, attempts, sum(up for up, _ in spent), sum(down for _, down in spent))

    def _allocate(self, now_s: float, peer: Address) -> None:
        self.close()
        self._is_asking = True
        self._calls, self._of_flow = [], {}
        for server in self._servers:
            at = self._addresses.get(server.code)
            for _ in range(CALLS_A_SERVER if at is not None else 0):
                assert at is not None
                self._calls.append(RelayedCall(server, open_carrier(server, at), self._credentials, peer, now_s))

    def _attempts(self) -> Iterator[RelayAttempt]:
        for server in self._servers:
            if self._addresses.get(server.code) is None:
                yield RelayAttempt(server.code, "unresolved")
        for call in self._calls:
            yield RelayAttempt(call.server.code, call.outcome, code=call.code, took_s=round(call.took_s, 4))

    # -- packets -------------------------------------------------------------------------------------------------

    def sockets(self) -> dict[socket.socket, RelayedCall]:
        """The calls whose sockets are to be read from."""
        return {call.carrier.socket: call for call in self._calls if not call.carrier.failed}

    def send(self, packet: ProbePacket) -> bool:
        """Send a packet of a flow by the allocation that is that flow's alone; whether it left."""
        call = self._of_flow.get(packet.flow)
        if call is None:
            code, taken = f"{packet.transport}/{packet.port}", set(map(id, self._of_flow.values()))
            free = (each for each in self._calls if each.server.code == code and each.outcome == "allocated")
            call = next((each for each in free if id(each) not in taken), None)
            if call is None:
                return False
            self._of_flow[packet.flow] = call
        return call.send(packet.data)

    def close(self) -> None:
        """End all allocations."""
        for call in self._calls:
            call.close()
        self._calls = []


def _server_address(server: TurnServer, family: int) -> Address | None:
    wanted = {4: socket.AF_INET, 6: socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    for kind in dict.fromkeys((wanted, socket.AF_UNSPEC)):
        with suppress(OSError, UnicodeError, ValueError):
            found = socket.getaddrinfo(server.host, server.port, kind, socket.SOCK_STREAM)
            return Address.of(str(found[0][4][0]), server.port)
    return None
