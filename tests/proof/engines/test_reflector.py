"""Holds the lab's reflector against the format that Telegram's clients use, over loopback."""

from __future__ import annotations

import socket
import subprocess
import sys

from proof.engines.reflector import answer

TAG = bytes(range(12))
END = b"\xff" * 12 + b"\xfe\xff\xff\xff" + (123).to_bytes(8, "big")


def framed(receiver: bytes, sender: bytes, data: bytes) -> bytes:
    return TAG + receiver + sender + len(data).to_bytes(4, "big") + data + bytes(-len(data) % 4)


def test_the_answer_to_a_hello_names_its_end():
    said = answer(TAG + b"anna" + END)
    assert len(said) == 64
    assert said[:16] == TAG + b"anna"
    assert said[16:28] == b"\xff" * 12


def test_it_forwards_to_the_end_that_is_named():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(10)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        argv = [sys.executable, "-m", "proof.engines.reflector", "127.0.0.1", str(port), "10"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            for sock, ident in ((one, b"anna"), (two, b"bert")):
                sock.sendto(TAG + ident + END, ("127.0.0.1", port))
                assert sock.recv(100)[12:16] == ident
            one.sendto(framed(b"bert", b"anna", b"hello"), ("127.0.0.1", port))
            assert two.recv(100) == framed(b"bert", b"anna", b"hello")
            two.sendto(framed(b"carl", b"bert", b"nobody"), ("127.0.0.1", port))
            two.sendto(framed(b"anna", b"bert", b"well"), ("127.0.0.1", port))
            assert one.recv(100) == framed(b"anna", b"bert", b"well")
            server.kill()
