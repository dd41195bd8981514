"""Attacks on the relay, played against the real coturn in a namespace of their own; prints a JSON object of answers.

The server has 192.0.2.1 and 2001:db8::1; a neighbour has 192.0.2.2 and 2001:db8::2. All are on this namespace's lo.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from os import urandom

from talkpath.browser import turn_relay

OWN = ("192.0.2.1", "2001:db8::1")
NEIGHBOUR = ("192.0.2.2", "2001:db8::2")
COOKIE = b"\x21\x12\xa4\x42"
ALLOCATE, REFRESH, SEND, PERMIT = 0x003, 0x004, 0x016, 0x008
USERNAME, INTEGRITY, ERROR, LIFETIME, PEER, DATA = 0x06, 0x08, 0x09, 0x0D, 0x12, 0x13
REALM, NONCE, RELAYED, FAMILY, TRANSPORT = 0x14, 0x15, 0x16, 0x17, 0x19
UDP, TCP = b"\x11\0\0\0", b"\x06\0\0\0"
PATIENCE_S = 10.0


def peer(host: str, port: int, transaction: bytes) -> bytes:
    """XOR-PEER-ADDRESS (RFC 8489 section 14.2)."""
    address = ip_address(host)
    mask = COOKIE + transaction
    masked = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, port ^ 0x2112) + masked


@dataclass
class Client:
    """One client of the relay, with long-term credentials (RFC 8489 section 9.2)."""

    user: str
    password: str
    server: tuple[str, int] = (OWN[0], 3478)
    kind: socket.SocketKind = socket.SOCK_DGRAM
    sock: socket.socket = field(init=False)
    realm: bytes = b""
    nonce: bytes = b""

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in self.server[0] else socket.AF_INET, self.kind)
        self.sock.settimeout(1.0)
        self.sock.connect(self.server)

    def ask(self, method: int, *attributes: tuple[int, bytes], to: tuple[str, int] | None = None) -> dict[int, bytes]:
        """The answer's attributes; {} for none within a second. Asked again where only the nonce was missing."""
        for _ in range(2):
            transaction = urandom(12)
            given = [*attributes, *([(PEER, peer(*to, transaction))] if to else [])]
            self.sock.send(self.message(method, transaction, given))
            found = self.answer(transaction)
            if self.code(found) not in (401, 438):
                return found
            self.realm, self.nonce = found[REALM], found[NONCE]
        return found

    def message(self, method: int, transaction: bytes, attributes: list[tuple[int, bytes]]) -> bytes:
        """The request, with integrity once realm and nonce are known."""
        if self.realm:
            attributes = [*attributes, (USERNAME, self.user.encode()), (REALM, self.realm), (NONCE, self.nonce)]
        body = b"".join(
            struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes
        )
        if not self.realm:
            return struct.pack("!HH", method, len(body)) + COOKIE + transaction + body
        head = struct.pack("!HH", method, len(body) + 24) + COOKIE + transaction
        key = hashlib.md5(f"{self.user}:{self.realm.decode()}:{self.password}".encode()).digest()
        return head + body + struct.pack("!HH", INTEGRITY, 20) + hmac.digest(key, head + body, "sha1")

    def answer(self, transaction: bytes) -> dict[int, bytes]:
        """The attributes of the answer to that request."""
        until_s = time.monotonic() + 1.0
        with suppress(TimeoutError):
            while time.monotonic() < until_s:
                data = self.sock.recv(2048)
                if data[8:20] != transaction:
                    continue
                found, at = {}, 20
                while at + 4 <= len(data):
                    kind, size = struct.unpack_from("!HH", data, at)
                    found[kind] = data[at + 4 : at + 4 + size]
                    at += 4 + size + -size % 4
                return found
        return {}

    @staticmethod
    def code(found: dict[int, bytes]) -> int:
        """The error code, 0 for success, -1 for no answer."""
        if not found:
            return -1
        return found[ERROR][2] * 100 + found[ERROR][3] if ERROR in found else 0

    def allocate(self, *attributes: tuple[int, bytes], transport: bytes = UDP) -> int:
        """The code of the answer to an Allocate request."""
        return self.code(self.ask(ALLOCATE, (TRANSPORT, transport), *attributes))


def relayed_bytes(client: Client, seconds: int) -> int:
    """How many bytes arrive at the server's own address of five times what a path of a check needs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind((OWN[0], 0))
        target.setblocking(False)
        to = (OWN[0], target.getsockname()[1])
        assert client.code(client.ask(PERMIT, to=to)) == 0
        arrived, sent, began_s = 0, 0, time.monotonic()
        while time.monotonic() < began_s + seconds:
            transaction = urandom(12)
            attributes = [(PEER, peer(*to, transaction)), (DATA, bytes(1000))]
            client.sock.send(Client("", "").message(SEND, transaction, attributes))
            sent += 1000
            with suppress(BlockingIOError):
                while True:
                    arrived += len(target.recv(2048))
            time.sleep(0.002)
        assert sent > 5 * turn_relay.MAX_BYTES_PER_S * seconds
        return arrived


def attacks(relay: turn_relay.TurnRelay) -> dict[str, object]:
    """What the relay answers to each attack: an error code of STUN, 0 for success."""
    user, password = relay.credentials()

    def fresh(host: str = OWN[0]) -> Client:
        return Client(*relay.credentials(), (host, 3478))

    answers: dict[str, object] = {}
    good = fresh()
    answers["allocate"] = good.allocate()
    answers["tells what it is"] = b"talkpath" in good.realm.lower()
    answers["own address"] = good.code(good.ask(PERMIT, to=(OWN[0], 4434)))
    answers["neighbour, IPv4"] = good.code(good.ask(PERMIT, to=(NEIGHBOUR[0], 53)))
    answers["loopback, IPv4"] = good.code(good.ask(PERMIT, to=("127.0.0.1", 53)))
    six = fresh()
    answers["allocate, IPv6"] = six.allocate((FAMILY, b"\x02\0\0\0"))
    answers["own address, IPv6"] = six.code(six.ask(PERMIT, to=(OWN[1], 4434)))
    for name, host in (("neighbour", NEIGHBOUR[1]), ("loopback", "::1"), ("mapped", f"::ffff:{NEIGHBOUR[0]}")):
        answers[f"{name}, IPv6"] = six.code(six.ask(PERMIT, to=(host, 53)))
    stream = Client(*relay.credentials(), kind=socket.SOCK_STREAM)
    answers["allocate, over TCP"] = stream.allocate()
    answers["TCP relay"] = Client(*relay.credentials(), kind=socket.SOCK_STREAM).allocate(transport=TCP)
    answers["forged"] = Client(user, "password").allocate()
    expired = relay.credentials(time.time() - 2 * turn_relay.VALID_S)
    answers["expired"] = Client(*expired).allocate()
    clients = [Client(user, password) for _ in range(turn_relay.MAX_PER_CHECK + 3)]
    answers["allocations of one credential"] = [client.allocate() for client in clients].count(0)
    many = [fresh() for _ in range(turn_relay.MAX_ALLOCATIONS + 3)]
    answers["allocations in all"] = 3 + turn_relay.MAX_PER_CHECK + [client.allocate() for client in many].count(0)
    answers["lifetime"] = int.from_bytes(good.ask(REFRESH, (LIFETIME, (3600).to_bytes(4, "big")))[LIFETIME], "big")
    answers["relayed in 4 s"] = relayed_bytes(good, 4)
    return answers


def wait_until_it_answers() -> None:
    """Until both processes listen."""
    for port in turn_relay.PAGE_RELAY_PORTS:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with suppress(OSError):
                socket.create_connection((OWN[0], port), 1.0).close()
                break
            time.sleep(0.05)


def main() -> None:
    """Play them all."""
    for command in (["link", "set", "lo", "up"], *(["addr", "add", each, "dev", "lo"] for each in (*OWN, *NEIGHBOUR))):
        subprocess.run(["ip", *command], check=True)
    relay = turn_relay.start_relay(OWN, "secret")
    try:
        assert not relay.missing, relay.missing
        wait_until_it_answers()
        print(json.dumps(attacks(relay)))  # noqa: T201
    finally:
        relay.stop()


if __name__ == "__main__":
    main()
