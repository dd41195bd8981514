"""How long `Network.offer` takes a packet: `python bench/network.py`.

Offered are calls and random twins, eight of each, as an epoch has them, for each arm in turn; the time of building
the packets is not counted. Printed is the median of the rounds, in microseconds of CPU time a packet.
"""

from __future__ import annotations

import random
import statistics
import sys
import time

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Direction, Shape
from talkpath.experiment.twin import random_twin
from talkpath.lab.scenario import Scenario
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter

FLOWS = 8
PACKETS = 250
ROUNDS = 7
SETTINGS = [
    ("clean", []),
    ("clean", ["media.drop,p=0.3"]),
    ("clean", ["media.drop,app=whatsapp,medium=voice,p=0.3"]),
    ("clean", ["stun.drop"]),
    ("clean", ["media.police,kbps=20"]),
    ("clean", ["media.freeze,after_packets=100"]),
    ("ge,loss=0.05", ["media.drop,p=0.3"]),
    ("ecmp", []),
    ("congestion", []),
    ("nat_rebind", []),
]

Offers = list[tuple[float, Direction, bytes]]


def epoch(shape: Shape, family: int) -> Offers:
    """Calls and twins side by side, in order of time."""
    near, far = ("192.0.2.10", "198.51.100.10") if family == 4 else ("2001:db8:1::10", "2001:db8:2::10")
    offers: Offers = []
    schedule = shape.schedule(random.Random(1), PACKETS)
    for flow in range(2 * FLOWS):
        ends = Address.of(near, 40000 + flow), Address.of(far, 3478)
        writers = {"up": UdpWriter(*ends), "down": UdpWriter(*reversed(ends))}
        make = shape.datagrams if flow % 2 else random_twin
        datagrams = make(schedule, bytes([flow]) * 32)
        for slot, data in zip(schedule.slots, datagrams, strict=True):
            at_s = (slot.at_ms + 0.5 * flow) / 1000
            offers.append((at_s, slot.direction, writers[slot.direction].packet(data)))
    return sorted(offers, key=lambda offer: offer[0])


def microseconds(background: str, rules: list[str], offers: Offers) -> float:
    """A packet's time, the median of the rounds."""
    rounds = []
    for seed in range(ROUNDS):
        offer = Scenario.parse(background, rules, seed).network().offer
        begin = time.process_time()
        for at_s, direction, packet in offers:
            offer(at_s, direction, packet)
        rounds.append((time.process_time() - begin) / len(offers) * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Print microseconds a packet, for each setting and both address families."""
    for family in (4, 6):
        epochs = [epoch(shape, family) for shape in shapes().values()]
        for background, rules in SETTINGS:
            times = [microseconds(background, rules, offers) for offers in epochs]
            sys.stdout.write(
                f"IPv{family} {background:14} {' '.join(rules) or '(no rule)':44} "
                f"{statistics.mean(times):.2f} us mean of {len(times)} arms, {max(times):.2f} worst\n"
            )


if __name__ == "__main__":
    main()
