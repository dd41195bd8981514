"""Records what the caller's interface sees of a call in virtual time, as packets and as a capture.

call = record_call("telegram", 30.0, Scenario.parse("clean", ["media.drop,app=telegram,to=app,p=0.3"], seed=1))
call.pcap()                     # a whole capture; call.stream() gives it packet by packet, with the times
call.connected_s, call.ended_s, call.ending
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from proof.relayed_calls.call_end import Ending
from proof.relayed_calls.placed import PlacedCall
from talkpath.apps.contract.shape import Direction
from talkpath.lab.network import LabNetwork
from talkpath.lab.scenario import Scenario

LINKTYPE_RAW = 101  # IP packets without a link header (tcpdump.org/linktypes.html)
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, LINKTYPE_RAW)  # times in nanoseconds
RECORDED_FROM_S = 1_700_000_000  # the lab has no clock: every recording begins then
WATCHED_AFTER_CALL_S = 30.0  # for which the network is still watched behind the call


class SeenPacket(NamedTuple):
    """An IP packet at the caller's interface: when, which way, its bytes."""

    at_s: float
    direction: Direction
    data: bytes


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that is over. Times are seconds of the run; None where it never came to that."""

    packets: tuple[SeenPacket, ...]
    connected_s: float | None
    ended_s: float | None
    ending: Ending

    def pcap(self) -> bytes:
        """The capture of the caller's interface."""
        return PCAP_HEADER + b"".join(map(pcap_record, self.packets))

    def stream(self) -> Iterator[tuple[float, bytes]]:
        """The same in pieces, each with the time at which it comes: the header first."""
        yield 0.0, PCAP_HEADER
        for packet in self.packets:
            yield packet.at_s, pcap_record(packet)


def pcap_record(packet: SeenPacket) -> bytes:
    """The packet as a record of a capture."""
    second, rest = divmod(round((RECORDED_FROM_S + packet.at_s) * 1e9), 1_000_000_000)
    return struct.pack("<IIII", second, rest, len(packet.data), len(packet.data)) + packet.data


class VirtualClock:
    """A clock for calls alone: `run` plays scheduled events in order of time."""

    def __init__(self, network: LabNetwork) -> None:
        self.network, self.now_s = network, 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """Calls `action` at that time."""
        heappush(self._heap, (at_s, next(self._order), action))

    def run(self, until_s: float = float("inf")) -> None:
        """Plays everything that is due until then."""
        while self._heap and self._heap[0][0] <= until_s:
            self.now_s, _, action = heappop(self._heap)
            action()


def record_call(app: str, seconds: float, scenario: Scenario | None = None, **more: Any) -> RecordedCall:
    """Places a call of the app (or `app/variant`) through the scenario's network, and records it. `more` are the named
    arguments of `PlacedCall`: `medium`, `story`, `start_s`."""
    scenario = scenario or Scenario()
    clock = VirtualClock(scenario.network())
    packets: list[SeenPacket] = []

    def note(at_s: float, direction: Direction, packet: bytes) -> None:
        packets.append(SeenPacket(at_s, direction, packet))

    settings = {"seed": scenario.seed, "family": scenario.family, **more}
    call = PlacedCall(clock, app, seconds, on_packet=note, **settings)
    clock.run(call.start_s + seconds + WATCHED_AFTER_CALL_S)
    return RecordedCall(tuple(packets), call.connected_s, call.ended_s, call.ending)
