"""A small Telegram reflector: forwards between the two ends that share a tag.

    python -m proof.engines.reflector ADDRESS PORT SECONDS

Written from the format that clients use: a hello is the tag of the call (12 bytes) and the end's own id (4), twelve ff,
fe ff ff ff, and 123 as 8 bytes; data is the tag, the receiver's id, the sender's id, a length (4 bytes, big-endian) and
the datagram, padded to 4. What Telegram's own servers answer to a hello is not known to us in each byte.
"""

from __future__ import annotations

import socket
import sys
import time

TAG_BYTES, IDENT_BYTES = 12, 4
HELLO_MARK = b"\xff" * 12 + b"\xfe\xff\xff\xff"
ANSWER_MARK = b"\xff" * 12 + bytes.fromhex("c77215c0")


def answer(hello: bytes) -> bytes:
    """Return what is said to a hello: 64 bytes with the time and the query's number."""
    tag = hello[: TAG_BYTES + IDENT_BYTES]
    return (tag + ANSWER_MARK + int(time.time()).to_bytes(4, "little") + hello[32:40]).ljust(64, b"\0")


def serve(ipv4: str, port: int, seconds: float) -> None:
    """Forward until the time is over."""
    place: dict[bytes, tuple[str, int]] = {}
    until_s = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((ipv4, port))
        server.settimeout(0.5)
        print("ready", flush=True)  # noqa: T201
        while time.monotonic() < until_s:
            try:
                data, source = server.recvfrom(65536)
            except TimeoutError:
                continue
            tag = data[:TAG_BYTES]
            if data[16:32] == HELLO_MARK:
                place[data[:16]] = source
                server.sendto(answer(data), source)
            elif (receiver := place.get(tag + data[12:16])) is not None:
                place.setdefault(tag + data[16:20], source)
                server.sendto(data, receiver)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
