"""Records one call of real engines at both of its ends, in namespaces of its own, and writes its truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from proof.engines import pcap
from proof.engines.cases import Case, Engine, Other
from proof.engines.mailbox import Role, events
from proof.engines.path import CALLEE, CALLER, HOSTS, KNOWN, REFLECTOR_PORT, RELAY, CallPath
from proof.engines.streams import stall_share
from proof.engines.truth import truth
from talkpath.errors import UsageError
from talkpath.lab.drivers import netns
from talkpath.lab.drivers.namespace import run_ip, system_tool
from talkpath.lab.path.link import LabHost

ROOT = Path(__file__).parents[2]
NODE = ROOT / "build" / "engines-node"
MODULES: dict[Engine | Other, str] = {
    "telegram": "telegram",
    "chromium": "chromium",
    "firefox": "firefox",
    "aiortc": "aiortc_end",
    "baresip": "baresip",
    "mumble": "mumble",
}
USER, PASSWORD = "ann", "secret"
TURN_PORT, TLS_PORT = 3478, 5349
PACKAGES: dict[Engine | Other, str] = {"wireguard": "wireguard-go", "mumble": "mumble-server"}
LONGEST_S = 330.0
MUMBLE_START_S = 4.0
MUMBLE_SERVER = "database={folder}/mumble.sqlite\nhost={host}\nlogfile=\nbonjour=false\nuname=root\nautobanAttempts=0\n"
LOOPBACK = bytes(15) + b"\x01"


def record(name: str, case: Case, out: Path) -> dict[str, Any]:
    """Record the case into `out`: NAME.a.pcap, NAME.b.pcap and NAME.json. In the namespace that `enter` made."""
    with TemporaryDirectory(prefix=f"{name}.") as scratch:
        folder = Path(scratch)
        (folder / "call.json").write_text(json.dumps(_call(case)))
        path = CallPath(
            folder / "path.log", case.troubles, jitter_s=case.jitter_s, rebinds_after_s=case.rebinds_after_s
        )
        with netns.netns_lab(path, HOSTS) as lab:
            _routes(lab, case.family)
            if case.relay or case.caller != "telegram":
                _relays(lab, folder, case)
            _play(lab, folder, case)
            health = lab.stop()
        found = truth(name, case, folder, health.network_dropped) | {
            "engines": _versions(case),
            "late_p99_ms": round(health.late_p99_ms, 1),
        }
        for letter, end in found["ends"].items():
            file = out / f"{name}.{letter}.pcap"
            pcap.convert(folder / f"{letter}.pcap", file, case.link, KNOWN | {LOOPBACK})
            end["stalled"] = stall_share(file, end)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        if not found["media_s"] or os.environ.get("ENGINES_KEEP"):
            shutil.copytree(
                folder, out / "logs" / name, dirs_exist_ok=True, ignore=lambda *_: ["speech.pcm", "picture.yuv"]
            )
    return found


def _routes(lab: netns.NetnsLab, family: str) -> None:
    for host in HOSTS:
        with lab.inside(host.name):
            run_ip("route add default dev eth0", "route add ::/0 dev eth0")
            if family == "4":
                run_ip(f"addr del {host.ipv6}/128 dev eth0")


def _relays(lab: netns.NetnsLab, folder: Path, case: Case) -> None:
    if case.caller == "mumble":
        (folder / "mumble.ini").write_text(MUMBLE_SERVER.format(folder=folder, host=RELAY.ipv4))
        lab.start(RELAY.name, ["mumble-server", "-fg", "-ini", str(folder / "mumble.ini")])
        time.sleep(MUMBLE_START_S)
        return
    if case.relay == "reflector":
        reflector = ["-m", "proof.engines.reflector", RELAY.ipv4, str(REFLECTOR_PORT), str(LONGEST_S)]
        lab.start(RELAY.name, [sys.executable, *reflector]).line("ready")
        return
    key, cert = folder / "key.pem", folder / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={RELAY.ipv4}"]
    subprocess.run([*request, "-keyout", key, "-out", cert], check=True, capture_output=True)
    command = ["turnserver", "-n", "-L", RELAY.ipv4, "-L", RELAY.ipv6, "-u", f"{USER}:{PASSWORD}", "-r", case.realm]
    files = ["--cert", str(cert), "--pkey", str(key), "--pidfile", str(folder / "turn.pid"), "--log-file", "stdout"]
    lab.start(RELAY.name, [*command, "--lt-cred-mech", "--no-cli", "--userdb", str(folder / "turn.db"), *files])
    time.sleep(1.0)


def _play(lab: netns.NetnsLab, folder: Path, case: Case) -> None:
    interface = "any" if case.link == "any" else "eth0"
    taps = [
        lab.start(host.name, ["tcpdump", "-i", interface, "-U", "-w", str(folder / f"{letter}.pcap"), "-B", "8192"])
        for letter, host in (("a", CALLER), ("b", CALLEE))
    ]
    time.sleep(0.5)
    players: tuple[tuple[LabHost, Engine | Other, Role], ...]
    players = ((CALLEE, case.callee, "callee"), (CALLER, case.caller, "caller"))
    ends = [(role, lab.start(host.name, _command(engine, folder, role))) for host, engine, role in players]
    with ExitStack() as stack:
        for tap in taps:
            stack.callback(tap.stop)
        stack.callback(time.sleep, 1.0)
        for role, end in ends:
            done = end.finish(LONGEST_S)
            (folder / f"{role}.stderr").write_bytes(done.stderr[-20000:] + done.stdout[-20000:])
            if done.exit_code and not any(one["event"] == "closed" for one in events(folder, role)):
                raise SystemExit(f"{role} ended with {done.exit_code}: {done.stderr[-400:].decode(errors='replace')}")


def _command(engine: Engine | Other, folder: Path, role: str) -> list[str]:
    if engine == "wrtc":
        modules = f"NODE_PATH={NODE / 'node_modules'}"
        return ["env", modules, "node", str(Path(__file__).parent / "ends" / "node.js"), str(folder), role]
    return [sys.executable, "-m", f"proof.engines.ends.{MODULES.get(engine, 'other')}", str(folder), role]


def _call(case: Case) -> dict[str, Any]:
    """What both ends read: the case, and the servers in the words of their engine."""
    host = f"[{RELAY.ipv6}]" if case.family == "6" else RELAY.ipv4
    urls = {
        "turn-udp": f"turn:{host}:{TURN_PORT}?transport=udp",
        "turn-tcp": f"turn:{host}:{TURN_PORT}?transport=tcp",
        "turn-tls": f"turns:{host}:{TLS_PORT}?transport=tcp",
    }
    wanted = list(urls.values()) if case.relay == "turn-any" else [urls[case.relay]] if case.relay in urls else []
    turn = [{"urls": url, "username": USER, "credential": PASSWORD} for url in wanted]
    relays = [] if case.relay in ("", "turn-any") else ["caller", "callee"] if case.relays_both else ["caller"]
    return asdict(case) | {
        "configuration": {"iceServers": turn or [{"urls": f"stun:{host}:{TURN_PORT}"}]},
        "relays": relays,
        "family": "" if case.relay else case.family,
        "gather_ms": 4000,
        "rings_s": 8.0,
        "relay_only": bool(case.relay),
        "servers": _telegram_servers(case),
    }


def _telegram_servers(case: Case) -> list[dict[str, Any]]:
    if case.relay == "reflector":
        tag = bytes(os.urandom(16)).hex()
        return [{"id": 1, "ipv4": RELAY.ipv4, "ipv6": "", "port": REFLECTOR_PORT, "tag": tag}]
    server = {"id": 1, "ipv4": RELAY.ipv4, "ipv6": RELAY.ipv6, "port": TURN_PORT, "user": USER, "password": PASSWORD}
    return [server | {"turn": True, "stun": True}] if case.relay else []


def _versions(case: Case) -> dict[str, str]:
    return {engine: version(engine) for engine in sorted({case.caller, case.callee})}


def version(engine: Engine | Other) -> str:
    """Return the engine's own version."""
    packages = {"telegram": "ntgcalls", "aiortc": "aiortc", "quic": "aioquic"}
    if engine in packages:
        return installed(packages[engine])
    if engine in ("game", "utp", "dns"):
        return "talkpath's own"
    if engine == "wrtc":
        file = NODE / "node_modules" / "@roamhq" / "wrtc" / "package.json"
        return str(json.loads(file.read_text())["version"])
    command = {"chromium": ["chromium", "--version"], "firefox": ["firefox-esr", "--version"]}.get(
        engine, ["dpkg-query", "-Wf", "${Version}", PACKAGES.get(engine, engine)]
    )
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return next((word for word in said if word[0].isdigit()), "?")


def require() -> None:
    """Raise `UsageError` where what every recording needs is not here."""
    for program, package in (("tcpdump", "tcpdump"), ("turnserver", "coturn"), ("openssl", "openssl")):
        if system_tool(program) is None:
            raise UsageError(f"needs {program}: apt install {package}")


def missing() -> dict[str, str]:
    """Return the engines that are not here, and how each is had."""
    programs = {
        "chromium": ("chromium",),
        "firefox": ("firefox-esr",),
        "baresip": ("baresip",),
        "wireguard": ("wireguard-go", "wg"),
        "mumble": ("mumble-server",),
        "wrtc": ("node",),
    }
    found = {
        name: f"apt install {' '.join(need)}" for name, need in programs.items() if not all(map(system_tool, need))
    }
    modules = {"telegram": "ntgcalls", "aiortc": "aiortc", "quic": "aioquic", "chromium": "playwright"}
    found |= {name: "make engines" for name, module in modules.items() if find_spec(module) is None}
    if not (NODE / "node_modules" / "@roamhq" / "wrtc").is_dir():
        found["wrtc"] = "make engines"
    return found
