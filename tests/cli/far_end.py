"""Real `talkpath respond` and `talkpath check` processes on 127.0.0.1, for tests."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import msgspec

from talkpath.experiment.plan import choose_arms, make_plan

TRIES = 5
TALKPATH = [sys.executable, "-m", "talkpath"]


def free_ports(count: int) -> list[int]:
    """Ports free for UDP and TCP."""
    ends = []
    while len(ends) < count:
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(tcp.getsockname())
            ends.append((tcp, udp))
        except OSError:
            tcp.close()
            udp.close()
    numbers = [tcp.getsockname()[1] for tcp, _ in ends]
    for pair in ends:
        for end in pair:
            end.close()
    return numbers


class FarEnd:
    """One responder process. `patch` is Python run before it starts."""

    def __init__(self, folder: Path, patch: str = "") -> None:
        for _ in range(TRIES):  # another test may take a port between our look and the start
            line = self._start(folder, patch)
            if line:
                break
        self.key = json.loads(line)["key"]

    def _start(self, folder: Path, patch: str) -> str:
        self.control, *udp = free_ports(17)
        arguments = ["respond", "--json", "--host", "127.0.0.1", "--port", str(self.control)]
        arguments += ["--ports", ",".join(map(str, udp)), "--key-file", str(folder / "key.pem")]
        code = f"{patch}\nimport sys\nsys.argv = ['talkpath', *{arguments!r}]\nfrom talkpath.cli import main\nmain()"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    @property
    def link(self) -> str:
        return f"127.0.0.1:{self.control}#{self.key}"

    def __enter__(self) -> FarEnd:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def small_plan(folder: Path, budget_s: float = 20.0) -> list[str]:
    """`--plan` for a short check of one arm."""
    plan = make_plan(choose_arms(["webrtc"]), budget_s=budget_s, budget_bytes=2_000_000)
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    return ["--plan", str(folder / "plan.json")]


def check(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `talkpath check`."""
    command = [*TALKPATH, "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
