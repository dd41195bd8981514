"""Traffic that is no call, between the same two hosts: a game, QUIC datagrams, WireGuard, uTP, and name lookups.

    python -m proof.engines.ends.other FOLDER caller|callee

The callee is the server. Which kind it is stands in call.json as the caller's engine.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import DatagramFrameReceived, QuicEvent

from proof.engines.ends.baresip import Phone, telephone
from proof.engines.ends.driver import SETUP_S
from proof.engines.mailbox import Mailbox
from proof.engines.path import CALLEE, CALLER

LOOKUPS = 450
GAME_PORT, QUIC_PORT, WIREGUARD_PORT, UTP_PORT, DNS_PORT = 27015, 443, 51820, 6881, 53
LARGEST = 65536
INNER = ("10.9.0.1", "10.9.0.2")  # inside the tunnel: the caller, the callee


def game(mail: Mailbox) -> None:
    """Inputs 60 times a second up, states of a world 30 times a second down, each with a counter of four bytes."""
    up = mail.role == "caller"
    dice = random.Random(3)
    sock = _socket(mail, GAME_PORT)
    number, until_s = 0, time.monotonic() + mail.call["seconds"]
    while time.monotonic() < until_s:
        size = dice.randint(28, 60) if up else dice.randint(80, 420)
        _send(sock, struct.pack("<IH", number, size) + dice.randbytes(size))
        _drain(sock)
        number += 1
        time.sleep(1 / (60 if up else 30))


def dns(mail: Mailbox) -> None:
    """Questions with random numbers, as a resolver's, and an answer each."""
    if mail.role == "callee":
        _answer(mail)
        return
    dice = random.Random(5)
    sock = _socket(mail, DNS_PORT)
    for _ in range(LOOKUPS):
        name = bytes(dice.choices(b"abcdefghijklmnopqrstuvwxyz", k=dice.randint(3, 20)))
        question = bytes([len(name)]) + name + b"\x03org\x00" + struct.pack(">HH", dice.choice((1, 28)), 1)
        _send(sock, struct.pack(">HHHHHH", dice.randrange(LARGEST), 0x0100, 1, 0, 0, 0) + question)
        _drain(sock)
        time.sleep(mail.call["seconds"] / LOOKUPS)


def _answer(mail: Mailbox) -> None:
    sock = _socket(mail, DNS_PORT)
    sock.setblocking(True)
    sock.settimeout(2.0)
    with suppress(TimeoutError, ConnectionRefusedError):
        while True:
            query = sock.recv(LARGEST)
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
            sock.send(head + query[12:] + struct.pack(">HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton("192.0.2.1")))


def utp(mail: Mailbox) -> None:
    """Packets of BitTorrent's uTP (BEP 29): data up, acknowledgements down, times in microseconds in each."""
    up = mail.role == "caller"
    sock = _socket(mail, UTP_PORT)
    number, until_s = 1, time.monotonic() + mail.call["seconds"]
    while time.monotonic() < until_s:
        micros = int(time.time() * 1e6) & 0xFFFFFFFF
        kind = 0x01 if up else 0x21
        head = struct.pack(">BBHIIIHH", kind, 0, 4711, micros, 15000, 1 << 20, number & 0xFFFF, (number - 1) & 0xFFFF)
        _send(sock, head + (os.urandom(1380) if up else b""))
        _drain(sock)
        number += 1
        time.sleep(1 / 80)


def wireguard(mail: Mailbox) -> None:
    """A tunnel of WireGuard in user space; inside it a call, or a steady stream of small packets."""
    own, other = (CALLER, CALLEE) if mail.role == "caller" else (CALLEE, CALLER)
    inner, there = INNER if mail.role == "caller" else INNER[::-1]
    private = subprocess.run(["wg", "genkey"], capture_output=True, check=True, text=True).stdout.strip()
    public = subprocess.run(["wg", "pubkey"], input=private, capture_output=True, check=True, text=True).stdout.strip()
    mail.send("key", key=public)
    key = (mail.wait("key", SETUP_S) or {})["key"]
    file = mail.folder / f"{mail.role}.key"
    file.write_text(private)
    name = f"wg{mail.role[-3:]}{os.getpid()}"[:15]
    with subprocess.Popen(["wireguard-go", "-f", name]) as daemon:
        time.sleep(1.0)
        peer = ["peer", key, "allowed-ips", "10.9.0.0/24", "endpoint", f"{other.ipv4}:{WIREGUARD_PORT}"]
        port = ["listen-port", str(WIREGUARD_PORT), "private-key", str(file)]
        subprocess.run(["wg", "set", name, *port, *peer], check=True)
        subprocess.run(["ip", "addr", "add", f"{inner}/24", "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        if mail.call["codec"]:
            telephone(mail, Phone(mail, INNER, name))
        else:
            _stream(mail, inner, there)
        daemon.terminate()
    mail.log("own", address=own.ipv4)


def _stream(mail: Mailbox, inner: str, there: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((inner, 9000))
        sock.setblocking(False)
        time.sleep(0.0 if mail.role == "caller" else 2.0)  # two handshakes at once would go on for ever
        until_s = time.monotonic() + mail.call["seconds"]
        while time.monotonic() < until_s:
            with suppress(OSError):
                sock.sendto(os.urandom(160), (there, 9000))
            _drain(sock)
            time.sleep(0.02)


class Datagrams(QuicConnectionProtocol):
    """A QUIC connection that sends datagrams (RFC 9221) fifty times a second."""

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer the first datagram with a stream of them."""
        if isinstance(event, DatagramFrameReceived) and not hasattr(self, "talking"):
            self.talking = asyncio.ensure_future(self.talk(10.0))

    async def talk(self, seconds: float) -> None:
        """Send for so long."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._quic.send_datagram_frame(os.urandom(120))
            self.transmit()
            await asyncio.sleep(0.02)


def quic(mail: Mailbox) -> None:
    """Datagrams of sound's size and rate over QUIC, both ways."""
    with suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(_quic(mail), mail.call["seconds"] + 5))


async def _quic(mail: Mailbox) -> None:
    settings = QuicConfiguration(is_client=mail.role == "caller", max_datagram_frame_size=1200)
    if mail.role == "caller":
        settings.verify_mode = ssl.CERT_NONE
        await asyncio.sleep(1.0)
        async with connect(CALLEE.ipv4, QUIC_PORT, configuration=settings, create_protocol=Datagrams) as connection:
            talker = connection
            assert isinstance(talker, Datagrams)  # asked for above
            talker.talking = asyncio.ensure_future(talker.talk(mail.call["seconds"] - 2))
            await talker.talking
        return
    key, cert = mail.folder / "quic-key.pem", mail.folder / "quic-cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=example.org"]
    subprocess.run([*request, "-keyout", key, "-out", cert], check=True, capture_output=True)
    settings.load_cert_chain(cert, key)
    await serve(CALLEE.ipv4, QUIC_PORT, configuration=settings, create_protocol=Datagrams)
    await asyncio.sleep(mail.call["seconds"] + 3)


def _socket(mail: Mailbox, port: int) -> socket.socket:
    """A socket whose other end is the other host."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if mail.role == "callee":
        sock.bind((CALLEE.ipv4, port))
        sock.connect((CALLER.ipv4, 40001))
    else:
        sock.bind((CALLER.ipv4, 40001))
        sock.connect((CALLEE.ipv4, port))
    sock.setblocking(False)
    return sock


def _send(sock: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # nobody listens there yet
        sock.send(data)


def _drain(sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            sock.recv(LARGEST)


KINDS: dict[str, Callable[[Mailbox], None]] = {
    "game": game,
    "quic": quic,
    "wireguard": wireguard,
    "utp": utp,
    "dns": dns,
}


def main() -> None:
    """Play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    mail.send("ready")
    mail.wait("ready", SETUP_S)
    mail.log("open")
    KINDS[mail.call["caller"]](mail)
    mail.log("closed")


if __name__ == "__main__":
    main()
