"""Run in a network and mount namespace of its own by test_two_families.py: a test server with IPv4 and IPv6.

nftables drops 30 % of what looks like RTP over IPv4 and lets everything pass over IPv6. (The twins of a call begin with
bytes that no RTP packet has.)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from factories.networks.local_responder import TALKPATH, small_plan
from talkpath.lab.drivers.namespace import system_tool

NAME, PORTS = "two.example", ",".join(map(str, (3478, *range(5000, 5015))))
RULES = """
table inet restrictor {
    chain arriving {
        type filter hook input priority 0;
        meta nfproto ipv4 meta l4proto udp @th,64,2 2 numgen random mod 100 < 30 drop
    }
}
"""


def run(command: list[str], text: str | None = None) -> None:
    subprocess.run(command, input=text, text=True, check=True)


def main(folder: Path, *options: str) -> None:
    run([str(system_tool("ip")), "link", "set", "lo", "up"])
    run([str(system_tool("nft")), "-f", "-"], RULES)
    (folder / "hosts").write_text(f"::1 {NAME}\n127.0.0.1 {NAME} localhost\n")
    run([str(system_tool("mount")), "--bind", str(folder / "hosts"), "/etc/hosts"])
    respond = [*TALKPATH, "respond", "--json", "--port", "4433", "--ports", PORTS]
    far = subprocess.Popen([*respond, "--key-file", str(folder / "key.pem")], stdout=subprocess.PIPE, text=True)
    try:
        assert far.stdout is not None
        told = json.loads(far.stdout.readline())
        link = f"{NAME}:4433?token={told['token']}#{told['key']}"
        plan = small_plan(folder, budget_s=60.0, budget_bytes=10_000_000)
        argv = ["check", link, "--json", "-o", str(folder / "run.talkpath"), *plan, *options]
        done = subprocess.run([*TALKPATH, *argv], capture_output=True, text=True, check=False, timeout=150)
    finally:
        far.kill()
        far.communicate()
    sys.stdout.write(json.dumps({"code": done.returncode, "out": done.stdout, "errors": done.stderr}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
