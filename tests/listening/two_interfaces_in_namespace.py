"""Run inside a fresh user and network namespace: `talkpath listen -i any --json` while a call goes over each of two
interfaces to a far host, which speaks first. Nothing in the addresses or hops tells which end is here."""

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

NETWORKS = ("192.0.2", "198.51.100")


def main() -> None:
    far = Namespace.new("far")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number, network in enumerate(NETWORKS):
        commands = f"link add here{number} type veth peer name far{number} netns {far.path}"
        for command in (commands, f"addr add {network}.1/24 dev here{number}", f"link set here{number} up"):
            subprocess.run(["ip", *command.split()], check=True)
        far.ip(f"addr add {network}.2/24 dev far{number}", f"link set far{number} up")
    command = [sys.executable, "-m", "talkpath", "listen", "-i", "any", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for network in NETWORKS:
            talk(far, network, 2.0, 100 * (1 + NETWORKS.index(network)))
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    sys.stdout.write(json.dumps({"result": lines[-1], "told": told, "code": process.returncode}))


def talk(far: Namespace, network: str, seconds: float, source: int) -> None:
    """Plain RTP both ways: 50 packets a second from there, of which every tenth is missing here, and 50 from here."""
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as near,
        closing(far.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other,
    ):
        near.bind((f"{network}.1", 40_000))
        other.bind((f"{network}.2", 50_000))
        begin_s = time.monotonic()
        for number in range(int(50 * seconds)):
            time.sleep(max(0.0, begin_s + 0.02 * number - time.monotonic()))
            for end, to, ssrc in (
                (other, (f"{network}.1", 40_000), source),
                (near, (f"{network}.2", 50_000), source + 1),
            ):
                if end is near or number % 10 != 5:
                    end.sendto(struct.pack("!BBHII", 0x80, 0, number, 160 * number, ssrc) + bytes(160), to)


if __name__ == "__main__":
    main()
