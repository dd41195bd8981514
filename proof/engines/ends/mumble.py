"""One end of a voice call through a Mumble server: as much of a client as such a call needs.

    python -m proof.engines.ends.mumble FOLDER caller|callee

Control is messages of protobuf over TLS; voice goes over UDP to the same port, sealed by OCB2-AES128 with the key that
the server hands out (Mumble's documentation of its protocol, 1.4). The server is Mumble's own, so what comes down is
its own. Frames of sound are random bytes of Opus's sizes at 40 kbit/s, since nobody on the path sees more of them.
"""

from __future__ import annotations

import random
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from proof.engines.ends.driver import SETUP_S
from proof.engines.mailbox import Mailbox
from proof.engines.path import RELAY

MUMBLE_PORT = 64738
VERSION, AUTHENTICATE, PING, CRYPT_SETUP = 0, 2, 3, 15
VERSION_1_4 = 0x010400
OPUS, VOICE_PING = 4 << 5, 1 << 5
LAST_OF_SPEECH = 0x2000
FRAME_S, FRAMES = 0.02, 2
BLOCK, TOP = 16, 1 << 127


def proto_varint(value: int) -> bytes:
    """Return a varint of protobuf."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def proto_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message of protobuf that are bytes, with their numbers."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = message[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        field, kind = divmod(number(), 8)
        size = number()
        if kind == 2:
            yield field, message[at : at + size]
            at += size


def voice_varint(value: int) -> bytes:
    """Return a number as voice packets have it."""
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return struct.pack(">H", 0x8000 | value)
    return b"\xf0" + struct.pack(">I", value)


class SealedVoice:
    """OCB2 as Mumble has it: a byte of the nonce, three of the tag, then the sealed packet."""

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        self._nonce = int.from_bytes(nonce, "little")

    def _aes(self, block: int) -> int:
        return int.from_bytes(self._cipher.update(block.to_bytes(BLOCK, "big")), "big")

    def seal(self, plain: bytes) -> bytes:
        """Return the datagram."""
        self._nonce = (self._nonce + 1) % (1 << 128)
        nonce = self._nonce.to_bytes(BLOCK, "little")
        delta, total, sealed = self._aes(int.from_bytes(nonce, "big")), 0, b""
        while len(plain) > BLOCK:
            delta, block = _doubled(delta), int.from_bytes(plain[:BLOCK], "big")
            sealed += (delta ^ self._aes(delta ^ block)).to_bytes(BLOCK, "big")
            total, plain = total ^ block, plain[BLOCK:]
        delta = _doubled(delta)
        pad = self._aes(delta ^ 8 * len(plain)).to_bytes(BLOCK, "big")
        total ^= int.from_bytes(plain + pad[len(plain) :], "big")
        sealed += bytes(a ^ b for a, b in zip(plain, pad, strict=False))
        tag = self._aes(_doubled(delta) ^ delta ^ total).to_bytes(BLOCK, "big")
        return nonce[:1] + tag[:3] + sealed


def _doubled(value: int) -> int:
    return (value << 1) % (1 << 128) ^ (0x87 if value & TOP else 0)


class MumbleClient:
    """A connection to the server, and the key for voice."""

    def __init__(self, name: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._control = context.wrap_socket(socket.create_connection((RELAY.ipv4, MUMBLE_PORT), SETUP_S))
        self._say(VERSION, b"\x08" + proto_varint(VERSION_1_4))
        self._say(AUTHENTICATE, b"\x0a" + bytes([len(name)]) + name.encode() + b"\x28\x01")
        found = dict(proto_fields(self._message(CRYPT_SETUP)))
        self._voice = SealedVoice(found[1], found[2])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.connect((RELAY.ipv4, MUMBLE_PORT))
        self._udp.setblocking(False)
        threading.Thread(target=self._drain, daemon=True).start()

    def _say(self, kind: int, message: bytes) -> None:
        self._control.sendall(struct.pack(">HI", kind, len(message)) + message)

    def _message(self, wanted: int) -> bytes:
        while True:
            kind, size = struct.unpack(">HI", self._read(6))
            message = self._read(size)
            if kind == wanted:
                return message

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := self._control.recv(size - len(data))):
                raise ConnectionError("the Mumble server closed")
            data += more
        return data

    def _drain(self) -> None:
        with suppress(OSError):
            while self._control.recv(65536):
                pass

    def send_voice(self, packet: bytes) -> None:
        """Send a packet over UDP, and take what has come."""
        with suppress(OSError):
            self._udp.send(self._voice.seal(packet))
            while True:
                self._udp.recv(65536)

    def ping(self) -> None:
        """Keep both ways open, as clients do each five seconds."""
        self._say(PING, b"\x08\x01")
        self.send_voice(bytes([VOICE_PING]) + voice_varint(int(time.monotonic() * 1000) % (1 << 31)))


def talk(client: MumbleClient, seconds: float, rng: random.Random) -> None:
    """Speak in sentences with pauses, in which Mumble sends nothing but pings."""
    began_s, frame, size, pings_s, until_s = time.monotonic(), 0, 90.0, 0.0, 0.0
    while (now_s := time.monotonic() - began_s) < seconds:
        if now_s >= pings_s:
            client.ping()
            pings_s += 5.0
        if now_s >= until_s:
            until_s = now_s + rng.uniform(2.0, 5.0)
        is_last = now_s + FRAME_S >= until_s
        size = min(120.0, max(50.0, 0.8 * size + 0.2 * rng.gauss(90, 45)))
        head = bytes([OPUS]) + voice_varint(frame) + voice_varint(int(size) | LAST_OF_SPEECH * is_last)
        client.send_voice(head + rng.randbytes(int(size)))
        frame += FRAMES
        if is_last:
            time.sleep(rng.uniform(0.2, 0.8))
        time.sleep(max(0.0, FRAME_S - (time.monotonic() - began_s - now_s) % FRAME_S))


def main() -> None:
    """Play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    client = MumbleClient(mail.role)
    client.ping()
    mail.log("open")
    mail.send("ready")
    mail.wait("ready", SETUP_S)
    mail.log("connected")
    talk(client, mail.call["seconds"], random.Random())
    mail.log("closed")


if __name__ == "__main__":
    main()
