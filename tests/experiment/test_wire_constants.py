"""Twenty checks recorded: no byte on the wire is ours. What never varies is the app's own signature, or a protocol's.

The oracle shares nothing with the code that makes the packets: real captures of calls, and the header layouts of the
RFCs named below. Every datagram that crosses the sim's network is looked at, both ways, calls and twins.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from factories.packets.packet_forms import is_rtcp, is_rtp, is_stun, turn_over_tcp
from factories.packets.pcap_reader import read_datagrams
from talkpath.apps import shapes
from talkpath.apps.recorded.app_call import AppCall
from talkpath.conduct.check import Check
from talkpath.experiment.layout import Layout, lay_out, packet_keys
from talkpath.experiment.plan import make_plan
from talkpath.experiment.seeds import session_key
from talkpath.lab.drivers.sim import SIM_PORTS, Sim
from talkpath.lab.network import Delivery
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Direction, Facts
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.messages import Begin
from talkpath.wire.ip.packets import split_udp

RUNS, K, PACKETS = 20, 2, 14
ARMS = sorted(shapes())
PRINTABLE = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .")
GRAM = 8


class Sent(NamedTuple):
    """One datagram that entered the network: of which arm, flow and place in its schedule."""

    arm: str
    role: str
    kind: str | None
    way: str
    stage: str
    flow: int
    data: bytes


class Tap:
    """A network that remembers what entered it."""

    def __init__(self, seed: int) -> None:
        self._network = Scenario.parse("clean", (), seed).network()
        self.seen: list[tuple[Direction, bytes]] = []

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        if parts := split_udp(packet):
            self.seen.append((direction, parts[1]))
        return self._network.offer(now_s, direction, packet)


def one_of_each(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch]) -> PlannedEpoch | None:
    """A short epoch of every arm."""
    asked = {epoch.arm for epoch in facts.epochs} | {ask.arm for ask in pending}
    arms = [planned.arm for planned in facts.plan.arms]
    return next((PlannedEpoch(arm, k=K, packets=PACKETS) for arm in arms if arm not in asked), None)


@cache
def recorded(seed: int) -> tuple[Sent, ...]:
    plan = make_plan(ARMS, budget_bytes=50_000_000, budget_s=300.0)
    check, tap = Check(plan, Random(f"recorded {seed}").randbytes(32), planner=one_of_each), Tap(seed)
    facts = Sim(check, tap, seed).run()  # type: ignore[arg-type]
    assert len(facts.epochs) == len(ARMS)
    assert check.session.welcome is not None
    places = known(check, session_key(check.seed, check.session.welcome.seed))
    found = []
    for way, data in tap.seen:
        layout, flow, slot = places[way].get(data[:40]) or places[way][data[40:80]]
        stage, plan_of = layout.schedule.slots[slot].stage, layout.flows[flow]
        found.append(Sent(str(layout.arm), plan_of.role, plan_of.twin_kind, way, stage, plan_of.number, data))
    return tuple(found)


def known(check: Check, key: bytes) -> dict[str, dict[bytes, tuple[Layout, int, int]]]:
    """Every datagram that the session may send, by its first bytes."""
    places: dict[str, dict[bytes, tuple[Layout, int, int]]] = {"up": {}, "down": {}}
    first = 0
    for number, arm in enumerate(ARMS):
        layout = lay_out(key, Begin(number, str(arm), K, PACKETS, first, check.local_ports), SIM_PORTS)
        first += len(layout.flows)
        for side in (layout.up, layout.down):
            for name, (flow, bit) in packet_keys(layout, side).items():
                places[side.direction][name] = layout, flow, side.slots[bit]
    return places


def constants(group: Sequence[bytes]) -> dict[int, int]:
    """Offset -> value of the bytes that never vary."""
    return {at: group[0][at] for at in range(min(map(len, group))) if len({one[at] for one in group}) == 1}


# -- twins -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_no_byte_of_a_twin_is_constant() -> None:
    alike: dict[tuple[str, str, str | None], list[bytes]] = defaultdict(list)
    for seed in range(RUNS):
        for one in recorded(seed):
            if one.role == "twin":
                alike[one.arm, one.way, one.kind].append(one.data)
    assert len(alike) == 4 * len(ARMS)
    for (arm, way, kind), data in alike.items():
        assert constants(data) == {}, (arm, way)
        if kind == "random":
            assert {one[0] for one in data} == set(range(4, 16)), arm
        else:
            assert all(PRINTABLE.issuperset(one) for one in data), arm


@pytest.mark.long
@pytest.mark.parametrize("role", ["random", "text"])
def test_twins_have_nothing_in_common_with_one_another(role: str) -> None:
    for seed in range(3):
        owners: dict[bytes, int] = {}
        for one in recorded(seed):
            if one.kind == role:
                for gram in grams(one.data):
                    assert owners.setdefault(gram, one.flow) == one.flow


# -- calls -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_calls_of_one_run_have_nothing_of_their_own_in_common() -> None:
    """A mark of the session, wherever it stands: eight bytes that two flows of one run share and no other run knows.

    Of the eight at most four may be usual at their places (in one packet of twenty, all runs together): the more of
    an app's signature a window holds, the more often two flows agree in the rest of it by chance.
    """
    usual = usual_values()
    for seed in range(1):
        owners: dict[bytes, set[int]] = defaultdict(set)
        for one in calls(seed):
            known, size = usual[one.arm, one.way, one.stage], len(one.data) - 28
            for at, gram in enumerate(grams(one.data)):
                tells_size = size > 0 and size.to_bytes(2, "big") in gram  # of WhatsApp's pictures, in their header
                if not tells_size and sum((at + n, value) in known for n, value in enumerate(gram)) <= GRAM // 2:
                    owners[gram].add(one.flow)
        shared = {gram for gram, flows in owners.items() if len(flows) > 1}
        others = b"".join(one.data for other in range(1, RUNS) for one in calls(other)) if shared else b""
        assert [gram.hex() for gram in shared if gram not in others] == []


def test_no_field_tells_which_calls_belong_to_one_session() -> None:
    """A mark at a place: in half of the runs the flows of an arm agree there, and hardly two runs do.

    What merely tells the length of the packet or its kind (a payload type), or counts packets from nought, is no
    secret: flows of one epoch have the same kinds and lengths at the same times.
    """
    for (arm, way, place), runs in packets_by_place().items():
        pairs = [flows for flows in runs.values() if len(flows) > 1]
        for at in range(1, min(len(data) for flows in pairs for data in flows)):
            agreed = [flows[0] for flows in pairs if len({data[at] for data in flows}) == 1]
            values = {data[at] for data in agreed}
            counts = max(values, default=0) <= place + 1
            mark = (
                len(agreed) >= RUNS / 2
                and len(values) > len(agreed) / 2
                and not counts
                and not tells_length(agreed, at)
                and at != 1  # the kind of a packet, in STUN, RTP and RTCP
            )
            assert not mark, (arm, way, place, at)


def tells_length(group: Sequence[bytes], at: int) -> bool:
    """Is it the low byte of the length, but for a header and padding to four?"""
    rest = sorted(len(data) - int.from_bytes(data[at - 1 : at + 1], "big") for data in group)
    return sum(abs(one - rest[len(rest) // 2]) <= 3 for one in rest) > 0.7 * len(rest)


def calls(seed: int) -> Iterator[Sent]:
    return (one for one in recorded(seed) if one.role == "call")


def grams(data: bytes) -> Iterator[bytes]:
    return (data[at : at + GRAM] for at in range(len(data) - GRAM + 1))


def usual_values() -> dict[tuple[str, str, str], set[tuple[int, int]]]:
    """For each arm, way and stage the (offset, value) of one packet in twenty."""
    counts: dict[tuple[str, str, str], Counter[tuple[int, int]]] = defaultdict(Counter)
    packets: Counter[tuple[str, str, str]] = Counter()
    for seed in range(RUNS):
        for one in calls(seed):
            counts[one.arm, one.way, one.stage].update(enumerate(one.data))
            packets[one.arm, one.way, one.stage] += 1
    return {key: {pair for pair, times in found.items() if times > packets[key] / 20} for key, found in counts.items()}


def packets_by_place() -> dict[tuple[str, str, int], dict[int, list[bytes]]]:
    """(arm, way, number in its flow) -> run -> that packet of each call flow."""
    found: dict[tuple[str, str, int], dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(RUNS):
        numbers: Counter[tuple[int, str]] = Counter()
        for one in calls(seed):
            found[one.arm, one.way, numbers[one.flow, one.way]][seed].append(one.data)
            numbers[one.flow, one.way] += 1
    return {key: runs for key, runs in found.items() if sum(len(flows) > 1 for flows in runs.values()) > RUNS / 2}


# -- calls beside real calls -----------------------------------------------------------------------------------


OPAQUE = ("telegram/tgcalls",)  # of these only STUN has a form
FROM_ENGINES = {
    str(arm)
    for arm, shape in shapes().items()
    if isinstance(shape, AppCall) and shape.played.record.origin.engine != "none"
}
"""Arms whose constants are those of real calls by their making: docs/likeness.md compares them."""
ENOUGH = 12  # packets of a group; what is the same in fewer may be so by chance

# Constants that no capture has, and where they are laid down. Offsets from the start, or from the end where below 0.
# (arm, form, offsets, what it is)
LAID_DOWN: tuple[tuple[str, str, Sequence[int], str], ...] = (
    ("", "rtp", range(12, 28), "header extension: profile, words, ids and lengths of elements (RFC 8285 section 4.2)"),
    ("", "rtcp", range(-14, -10), "E flag and index before a tag of 80 bits (RFC 3711 section 3.4)"),
    ("", "rtcp", range(-4, 0), "E flag and index after an AEAD tag (RFC 7714 section 9.3)"),
    ("", "stun 0001", range(64, 68), "PRIORITY (RFC 8445 section 5.1.2)"),
    ("signal/", "rtp", range(8, 12), "SSRCs of RingRTC's source: 1000 and 2000, plus 1 to 3"),
    ("signal/", "rtp 108", (0,), "V, X (RFC 3550 section 5.1)"),
    ("whatsapp/", "rtp 97", (2,), "sequence numbers begin low, as in the captures' other streams"),
)


def form(data: bytes, opaque: bool = False) -> str:
    """What kind of packet a reader of the RFCs takes it for."""
    if is_stun(data):
        return f"stun {data[:2].hex()}"
    if opaque:
        return "opaque"
    if len(data) > 13 and 20 <= data[0] <= 25 and data[1] == 0xFE:
        return f"dtls {data[0]} {data[13] if data[0] == 22 and not any(data[3:5]) else ''}"
    if is_rtcp(data):
        return f"rtcp {data[1]}"
    return f"rtp {data[1] & 0x7F}" if is_rtp(data) else "opaque"


class Real:
    """The packets of real calls, by form and by protocol."""

    def __init__(self, folder: Path) -> None:
        self._packets: dict[str, list[bytes]] = defaultdict(list)
        entries = json.loads((folder / "truth.json").read_text())
        files = [entry["file"] for entry in entries if not entry["is_negative"]]
        packets = [one.payload for file in [*files, "geforcenow.pcapng"] for one in read_datagrams(folder / file)]
        for data in packets + [data for _, data in turn_over_tcp(folder / "stun_dtls_rtp__b.pcapng")]:
            for name in {form(data), form(data).split()[0], "opaque"}:
                self._packets[name].append(data)

    def has(self, name: str, at: int, value: int, size: int) -> bool:
        """Does a packet of that form and size have it, or one of fifty of that form, or of that protocol?"""
        if any(data[at] == value for data in self._packets[name] if len(data) == size):
            return True
        for kind in (name, name.split()[0]):
            found = [data[at] == value for data in self._packets[kind] if len(data) > at]
            if sum(found) >= max(2, len(found) / 50):
                return True
        return False

    def holds(self, name: str, piece: bytes) -> bool:
        """Do these bytes stand anywhere in a packet of that form?"""
        return any(piece in data for data in self._packets[name])


def laid_down(arm: str, name: str, data: bytes, at: int) -> bool:
    return any(
        arm.startswith(of) and name.startswith(kind) and (at in places or at - len(data) in places)
        for of, kind, places, _ in LAID_DOWN
    )


def test_what_is_constant_in_a_call_is_so_in_real_calls_or_laid_down_by_its_protocol(captures: Path) -> None:
    real = Real(captures)
    alike: dict[tuple[str, str, str, str, int], list[bytes]] = defaultdict(list)
    for seed in range(RUNS):
        for one in calls(seed):
            if one.arm not in FROM_ENGINES:
                name = form(one.data, one.arm.startswith(OPAQUE))
                size = 0 if one.stage == "media" else len(one.data)
                alike[one.arm, one.way, one.stage, name, size].append(one.data)
    seen = 0
    strange = []
    for (arm, way, stage, name, size), group in alike.items():
        if len(group) < ENOUGH:
            continue
        seen += len(group)
        same = constants(group)
        fields = dtls_fields(group[0]) if name.startswith("dtls") else set()
        for at, value in same.items():
            known = real.has(name, at, value, size) or laid_down(arm, name, group[0], at) or at in fields
            if not known and not real.holds(name, stretch(group[0], same, at)):
                strange.append((arm, way, stage, name, at, hex(value)))

    assert strange == []
    assert seen > 0.97 * sum(map(len, alike.values()))


def stretch(data: bytes, same: dict[int, int], at: int) -> bytes:
    """The constant bytes around an offset, up to two on either side; nothing known holds fewer than three."""
    first = at
    while first - 1 in same and at - first < 2:
        first -= 1
    last = at
    while last + 1 in same and last - at < 2:
        last += 1
    return data[first : last + 1] if last - first >= 2 else bytes(3000)


def dtls_fields(data: bytes) -> set[int]:
    """Offsets of what RFC 6347 sections 4.1 and 4.2.2, RFC 5246 section 7.4 and RFC 8422 section 5.4 lay down:
    headers of records and messages, lengths, curve and algorithms; and of DER tags and lengths (RFC 5280)."""
    found: set[int] = set()
    at = 0
    while at + 13 <= len(data):
        size = int.from_bytes(data[at + 11 : at + 13], "big")
        found |= set(range(at, at + 13))
        if data[at] == 22 and not any(data[at + 3 : at + 5]):
            found |= set(range(at + 13, at + 25)) | message_fields(data, at + 25, data[at + 13], at + 13 + size)
        at += 13 + size
    return found


def message_fields(data: bytes, at: int, kind: int, end: int) -> set[int]:
    if kind == 11:  # Certificate: length of the list, of the first
        return set(range(at, at + 6)) | der_fields(data, at + 6, at + 7)
    if kind == 12:  # ServerKeyExchange: curve, point, algorithms, length, signature
        point = at + 4 + data[at + 3]
        return set(range(at, at + 4)) | set(range(point, point + 4)) | der_fields(data, point + 4, point + 5)
    if kind == 13:  # CertificateRequest: types and algorithms
        return set(range(at, end))
    if kind == 15:  # CertificateVerify: algorithms, length, signature
        return set(range(at, at + 4)) | der_fields(data, at + 4, at + 5)
    return {at + 32 + 2} if kind == 2 else {at, at + 1} if kind == 16 else set()


def der_fields(data: bytes, at: int, end: int) -> set[int]:
    """Tags and lengths from `at` on, into whatever is constructed."""
    found: set[int] = set()
    while at < end and at + 2 <= len(data):
        tag, size, head = data[at], data[at + 1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[at + 2 : at + head], "big")
        found |= set(range(at, at + head))
        if tag & 0x20:
            found |= der_fields(data, at + head, at + head + size)
        elif tag == 3:  # a BIT STRING: bits left over, then perhaps a signature's two INTEGERs
            found |= {at + head} | (
                der_fields(data, at + head + 1, at + head + 2) if data[at + head + 1] == 0x30 else set()
            )
        elif tag == 2:  # an INTEGER's sign
            found.add(at + head)
        at += head + size
    return found
