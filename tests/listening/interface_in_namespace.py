"""Run inside a fresh network namespace: `talkpath listen -i lo --json` while an RTP call goes over loopback."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
import time


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    command = [sys.executable, "-m", "talkpath", "listen", "-i", "lo", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        talk(4.0)
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    sys.stdout.write(json.dumps({"first": first, "lines": lines, "told": told, "code": process.returncode}))


def talk(seconds: float) -> None:
    """Plain RTP both ways, 50 packets a second, and TCP to a port that no call uses."""
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    near.bind(("127.0.0.1", 40_000))
    far.bind(("127.0.0.1", 50_000))
    begin_s = time.monotonic()
    for number in range(int(50 * seconds)):
        time.sleep(max(0.0, begin_s + 0.02 * number - time.monotonic()))
        for end, to, ssrc in ((near, 50_000, 7), (far, 40_000, 9)):
            head = struct.pack("!BBHII", 0x80, 0, number, 160 * number, ssrc << 20)
            end.sendto(head + bytes(160), ("127.0.0.1", to))
        with socket.socket() as knock:
            knock.connect_ex(("127.0.0.1", 9_999))


if __name__ == "__main__":
    main()
