"""Run inside a fresh user and network namespace: `talkpath listen -i any --json` while a call goes over each of three
interfaces to a far host, which speaks first; the last one comes after the watch began, goes and comes again. Nothing in
the addresses or hops tells which end is here."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import closing

from talkpath.lab.drivers.namespace import Namespace

ENDS = (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2"), ("198.51.100.1", "198.51.100.2"))


def main() -> None:
    far = Namespace.new("far")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    add_interface(far, 0)
    add_interface(far, 1)
    command = [sys.executable, "-m", "talkpath", "listen", "-i", "any", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        talk(far, 0)
        talk(far, 1)
        add_interface(far, 2)
        subprocess.run(["ip", "link", "del", "here2"], check=True)
        add_interface(far, 2)
        talk(far, 2)
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    sys.stdout.write(json.dumps({"result": lines[-1], "told": told, "code": process.returncode}))


def add_interface(far: Namespace, number: int) -> None:
    """A pair of interfaces, here and there, with the addresses of that number."""
    pair = f"link add here{number} type veth peer name far{number} netns {far.path}"
    here, there = (
        (f"addr add {address} dev {name}{number}", f"link set {name}{number} up")
        for name, address in zip(("here", "far"), map(with_prefix, ENDS[number]), strict=True)
    )
    for command in (pair, *here):
        subprocess.run(["ip", *command.split()], check=True)
    far.ip(*there)


def with_prefix(address: str) -> str:
    return f"{address}/64 nodad" if ":" in address else f"{address}/24"


def talk(far: Namespace, number: int) -> None:
    """Plain RTP both ways, 2 s: 50 packets a second from there, of which every tenth is missing here, and 50 from
    here."""
    (here, there), source = ENDS[number], 100 * (1 + number)
    family = socket.AF_INET6 if ":" in here else socket.AF_INET
    with (
        closing(socket.socket(family, socket.SOCK_DGRAM)) as near,
        closing(far.socket(family, socket.SOCK_DGRAM)) as other,
    ):
        near.bind((here, 40_000))
        other.bind((there, 50_000))
        begin_s = time.monotonic()
        for at in range(100):
            time.sleep(max(0.0, begin_s + 0.02 * at - time.monotonic()))
            for end, to, ssrc in ((other, (here, 40_000), source), (near, (there, 50_000), source + 1)):
                if end is near or at % 10 != 5:
                    end.sendto(struct.pack("!BBHII", 0x80, 0, at, 160 * at, ssrc) + bytes(160), to)


if __name__ == "__main__":
    main()
