"""Attacks on volunteers' test servers that need no running one: what a page's engine, queue and port, and the directory
that calls offered hosts, are given in one process."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from attacks import forging
from attacks.stage import Attack, Finding, running_responder, tls_socket
from synthetic_browser import NearCall
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.web.admission_queue import AdmissionQueue, QueueFullError
from talkpath.browser.webrtc.call_engine import CallEngine
from talkpath.browser.webrtc.call_media import VOICE_MEDIUM
from talkpath.browser.webrtc.secure_transport import DATA, INIT, MAX_CHUNKS_AHEAD, SctpBounds
from talkpath.browser.webrtc.session_description import parse_offer
from talkpath.directory.listed_server import ListedServer, PublicAddress, is_public
from talkpath.directory.offer import sign_offer
from talkpath.observatory.responders import running
from talkpath.observatory.responders.running import STRANGERS_TESTS_AN_HOUR, DirectorySettings, ServerDirectory
from talkpath.responder.geoip import GeoDatabase
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_with_integrity

CHUNKS, FIRST_NUMBER, OPEN_PROTOCOL, TEXT_PROTOCOL = 50_000, 1000, 50, 51
SLOWEST_US_A_BYTE = 1.0
FORGED_SOURCES, REQUESTS_EACH, CLOCK_S = 200, 3, 30.0
BLOCKS, PAGES_A_BLOCK, PATIENT_PLACE = 7, 8, 9
LOOKS = 200
LONGEST_CERTIFICATE = timedelta(days=400)
NOT_PUBLIC = (
    "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "fc00::1", "fec0::1",
    "::7f00:1", "::10.0.0.1", "::ffff:0:10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "5f00::1",
    "2001:0:1::1", "ff02::1", "0.0.0.0", "224.0.0.1",
)  # fmt: skip


def _chunk(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3]) + (4 + len(body)).to_bytes(2, "big") + body + bytes(-len(body) % 4)


def _data(number: int, stream: int, protocol: int, payload: bytes) -> bytes:
    head = number.to_bytes(4, "big") + stream.to_bytes(2, "big") + bytes(2) + protocol.to_bytes(4, "big")
    return bytes(12) + _chunk(DATA, head + payload)


def endless_channels(folder: Path) -> Finding:
    """A page opens channel after channel on its twin, and sends chunks behind one that never comes."""
    bounds, opening = SctpBounds(), bytes([3]) + bytes(11)
    bounds.admits(bytes(12) + _chunk(INIT, bytes(12) + FIRST_NUMBER.to_bytes(4, "big")))
    opened = sum(bounds.admits(_data(FIRST_NUMBER + number, number, OPEN_PROTOCOL, opening)) for number in range(1000))
    began_s, sent, ahead = time.process_time(), 0, 0
    for number in range(CHUNKS):
        packet = _data(FIRST_NUMBER + 2 + number, 0, TEXT_PROTOCOL, bytes(900))
        sent, ahead = sent + len(packet), ahead + bounds.admits(packet)
    us_a_byte = 1e6 * (time.process_time() - began_s) / sent
    told = f"{opened} channels, {ahead} of {CHUNKS} chunks, {us_a_byte:.3f} µs a byte"
    return Finding(opened == 1 and ahead <= MAX_CHUNKS_AHEAD and us_a_byte < SLOWEST_US_A_BYTE, told)


def forged_ice_sources(folder: Path) -> Finding:
    """A page whose requests seem to come from many strangers, none of whom answers: what are they sent?"""
    near = NearCall(VOICE_MEDIUM)
    far = CallEngine(parse_offer(near.offer()), VOICE_MEDIUM)
    near.answered(far.answer("192.0.2.1", 4434))
    request, bytes_in, bytes_out, packets, now_s = near.check(), 0, 0, 0, 100.0
    for number in range(FORGED_SOURCES):
        source = (f"203.0.{number % 100}.{number // 100 + 1}", 9)
        for _ in range(REQUESTS_EACH):
            sent = far.receive(now_s, request, source)
            bytes_in, packets = bytes_in + len(request), packets + len(sent)
            bytes_out += sum(len(one) for one, _ in sent)
    by_clock = 0
    while now_s < 100.0 + CLOCK_S:
        now_s += 0.1
        by_clock += len(far.poll(now_s))
    ratio, each = bytes_out / bytes_in, packets / (FORGED_SOURCES * REQUESTS_EACH)
    told = f"{each:.2f} packets a request, × {ratio:.2f} bytes, {by_clock} by the clock"
    return Finding(each <= 2 and ratio <= 2 and by_clock == 0, told)


class _Page(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Count a datagram."""
        self.came += 1


def _request(user: str, password: str) -> bytes:
    """A Binding request that names a call, sealed with that password ("" for none)."""
    named = ((Attribute.USERNAME, user.encode()), (Attribute.PRIORITY, bytes(4)))
    request = StunMessage(Type.BINDING_REQUEST, bytes(12), named)
    return encode_with_integrity(request, password.encode()) if password else stun.encode_message(request)


def taken_tuple(folder: Path) -> Finding:
    """Unsealed STUN that seems to come from another page's address and names the attacker's call."""
    port, mine, theirs, address = SharedPort(), _Page(), _Page(), ("198.51.100.7", 5000)
    port.lane(mine, "mine", "a password of the attacker's")
    port.lane(theirs, "theirs", "a password of the page's")
    for _ in range(100):
        port.datagram_received(_request("mine:x", ""), address)
    port.datagram_received(_request("theirs:x", "a password of the page's"), address)
    port.datagram_received(b"\x80\x6f" + bytes(30), address)
    return Finding(
        theirs.came == 2 and mine.came == 0, f"{mine.came} came to the attacker, {theirs.came} of 2 to the page"
    )


def full_page(folder: Path) -> Finding:
    """Seven blocks of eight silent pages each, then somebody from an eighth: who is served when?"""

    async def play() -> tuple[list[str], list[int]]:
        queue, served, told, leave = AdmissionQueue(1), list[str](), list[int](), asyncio.Event()

        async def wait(host: str) -> None:
            async def tell(place: int) -> None:
                if host.startswith("192.0.2."):
                    told.append(place)

            with suppress(QueueFullError):
                async with queue.admitted(tell, host):
                    served.append(host)
                    await leave.wait()

        hosts = [f"10.{block}.0.{page}" for page in range(PAGES_A_BLOCK) for block in range(BLOCKS)]
        held = [asyncio.create_task(wait(host)) for host in hosts]
        await asyncio.sleep(0.05)
        held.append(asyncio.create_task(wait("192.0.2.1")))
        await asyncio.sleep(0.05)
        leave.set()
        await asyncio.gather(*held)
        return served, told

    served, told = asyncio.run(play())
    place = served.index("192.0.2.1") + 1 if "192.0.2.1" in served else 0
    return Finding(0 < place <= PATIENT_PLACE, f"number {place} of {len(served)} served, told place {told[:1]}")


def pointed_elsewhere(folder: Path) -> Finding:
    """A name passes its test, then leads to a stranger, and asks for a test again and again."""
    directory = ServerDirectory(folder, DirectorySettings(), GeoDatabase(()), lambda: "2026-11-27")
    called, leads_to, signer = list[str](), ["1.1.1.1"], forging.named_signer("pointed")
    named = patch.object(running, "resolve_host", lambda host: list(leads_to))  # no name service is asked

    def look(work: object, server: object, address: str) -> tuple[str, ...]:
        called.append(address)
        return () if address == "1.1.1.1" else ("seen from outside: no answer",)

    async def play() -> None:
        server = ListedServer(signer.public, PublicAddress("calls.example", 4433))
        await directory.take(sign_offer(signer, directory.key, datetime.now(UTC), server), "192.0.2.7")
        for number in range(LOOKS):
            (known,) = directory._registrar.table.all()
            await directory._test(known)
            if number == 5:
                leads_to[:] = ["9.9.9.9"]

    try:
        with named, patch.object(directory._pool, "run", look):
            asyncio.run(play())
    finally:
        directory.close()
    strangers = called.count("9.9.9.9")
    return Finding(
        0 < strangers <= STRANGERS_TESTS_AN_HOUR, f"the stranger was called {strangers} times in {LOOKS} looks"
    )


def private_forms(folder: Path) -> Finding:
    """Addresses that are private, or stand for one: translated, compatible, of one site."""
    passed = [text for text in NOT_PUBLIC if is_public(text)]
    taken = [text for text in ("1.1.1.1", "2606:4700::1111") if is_public(text)]
    return Finding(
        not passed and len(taken) == 2, f"{len(passed)} of {len(NOT_PUBLIC)} called public {' '.join(passed)}"
    )


def telling_certificate(folder: Path) -> Finding:
    """What a scan reads in a test server's certificate."""
    with running_responder(folder) as far, tls_socket("127.0.0.1", far.said["port"]) as end:
        found = x509.load_der_x509_certificate(end.getpeercert(binary_form=True) or b"")
    lasts = found.not_valid_after_utc - found.not_valid_before_utc
    names = found.subject.rfc4514_string()
    ordinary = bool(names) and b"talkpath" not in found.public_bytes(Encoding.DER).lower()
    return Finding(ordinary and lasts <= LONGEST_CERTIFICATE, f"name {names or 'empty'!r}, {lasts.days} days")


PAGE_ATTACKS = (
    Attack(
        "a page's twin: channels without end, SCTP behind what never comes",
        f"one channel, ≤ {MAX_CHUNKS_AHEAD} ahead, < 1 µs a byte",
        endless_channels,
    ),
    Attack("ICE requests from forged sources", "≤ 2 packets and × 2 each, none by the clock", forged_ice_sources),
    Attack("unsealed STUN from another page's 5-tuple", "takes nothing", taken_tuple),
    Attack("the page's queue filled from seven /24s", "another block is served among the first nine", full_page),
)
DIRECTORY_ATTACKS = (
    Attack(
        "a listed name that is pointed at a stranger", f"≤ {STRANGERS_TESTS_AN_HOUR} calls an hour", pointed_elsewhere
    ),
    Attack("offers at addresses that stand for private ones", "none is called", private_forms),
)
SERVER_ATTACKS = (Attack("what a scan reads in the certificate", "a name, ≤ 400 days, not ours", telling_certificate),)
