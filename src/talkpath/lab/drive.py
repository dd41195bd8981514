"""One lab run, whichever driver moves its packets: the same plan, network, engines and verdicts.

`sim` plays it in virtual time in this process; `netns` and `loopback` start the real `talkpath respond` and
`talkpath check` and read the evidence that the check wrote. `messages` are apps whose messages are tried beside the
check (`messenger`); `hear` is told some times a second what the check says of its progress.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random, SystemRandom

import msgspec

from talkpath.conduct.check import Check
from talkpath.errors import PeerError
from talkpath.evidence.bundle import read_facts
from talkpath.evidence.simulation import probe_signer
from talkpath.lab import messenger
from talkpath.lab.drivers import loopback, netns
from talkpath.lab.drivers.sim import ALSO_PORT, CONTROL_PORT, PORTS, WHERE, Sim
from talkpath.lab.path.delivery import RouterHealth
from talkpath.lab.path.hosts import MESSENGER, PROBE, REFERENCE, RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch, Exchange, Facts, Plan
from talkpath.report.words.language import spoken
from talkpath.responder.geoip import NetworkOrigin
from talkpath.verdict.model import Question
from talkpath.wire.control.keys import new_identity_pem, pem_key_text

Hear = Callable[[str], None]
Door = tuple[str, loopback.Transport, int]  # host, kind, port

TELL_S = 0.25
PYTHON = (sys.executable, "-m", "talkpath")
SLACK_S = 90.0
OTHERS_S = 30.0
QUIET_PORTS = range(20_000, 32_000)  # not ephemeral on Linux, macOS or Windows


def run_sim(plan: Plan, scenario: Scenario, messages: Sequence[str] = (), hear: Hear = lambda said: None,
            where: NetworkOrigin = WHERE) -> Facts:  # fmt: skip
    """In virtual time, from a network that the responder finds to be `where`."""

    def progress(word: str, facts: Facts, ask: Question | None) -> None:
        hear(f"{ask.arm.app} {ask.arm.medium}" if ask else word)

    seed = Random(f"probe {scenario.seed}").randbytes(32)
    check = Check(plan, seed, family=scenario.family, key=probe_signer().public, progress=progress)
    sim = Sim(check, scenario.network(), scenario.seed, where=where)
    exchanges = messenger.ask_in_sim(sim, messages, scenario.family) if messages else []
    facts = msgspec.structs.replace(sim.run(), exchanges=tuple(exchanges), simulated=True, responder_key="")
    return _referred(facts, exchanges or _others_in_sim(plan, scenario)) if _silent(facts) else facts


def _others_in_sim(plan: Plan, scenario: Scenario) -> list[Exchange]:
    """Through the same network: do the messenger and the reference answer where the responder does not?"""
    sim = Sim(Check(plan, bytes(32), family=scenario.family), scenario.network(), scenario.seed)
    exchanges = messenger.ask_in_sim(sim, _apps(plan), scenario.family)
    sim.play(OTHERS_S)
    return exchanges


def _apps(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arm.app for arm in plan.arms))


def _silent(facts: Facts) -> bool:
    return facts.reach.control == "timeout"


def _referred(facts: Facts, exchanges: Sequence[Exchange]) -> Facts:
    """With what other hosts answered in the same minute."""
    answered = any(exchange.ok for exchange in exchanges if exchange.neutral)
    reach = msgspec.structs.replace(facts.reach, reference="connected" if answered else "timeout")
    return msgspec.structs.replace(facts, reach=reach, exchanges=tuple(exchanges))


def run_netns(plan: Plan, scenario: Scenario, messages: Sequence[str] = (), hear: Hear = lambda said: None) -> Facts:
    """On real sockets in network namespaces. `namespace.enter()` was called before."""
    host = RESPONDER.ipv4 if scenario.family == 4 else f"[{RESPONDER.ipv6}]"
    with tempfile.TemporaryDirectory() as name, netns.box(scenario.network()) as lab:
        folder = Path(name)
        streams = ["--tcp-ports", str(ALSO_PORT), "--tls-ports", str(ALSO_PORT)]
        far = lab.start(RESPONDER.name, [*_respond(folder, [str(port) for port in PORTS]), *streams])
        link = _link(far.line('"link"'), host, CONTROL_PORT, ALSO_PORT)
        texts = _texts(lab, folder, messages, scenario.family) if messages else None
        outcome = _finish(lab.start(PROBE.name, _check(folder, plan, link)), plan.budget_s + SLACK_S, hear)
        exchanges = messenger.read_exchanges(texts.finish(SLACK_S).stdout) if texts else ()
        silent = texts is None and outcome.exit_code == 3 and _silent(_stored(folder, outcome))
        others = _texts(lab, folder, _apps(plan), scenario.family).finish(SLACK_S).stdout if silent else b""
        facts = _gather(folder, outcome, lab.stop(), exchanges)
        return _referred(facts, exchanges or messenger.read_exchanges(others)) if _silent(facts) else facts


def _texts(lab: netns.Box, folder: Path, messages: Sequence[str], family: int) -> netns.Program:
    """The two hosts, and the program that asks them."""
    pem, key = _identity(folder)
    hosts = MESSENGER, REFERENCE
    for server in [lab.start(host.name, messenger.serve_argv(messenger.PORT, pem)) for host in hosts]:
        server.line("ready")
    first, second = ((host.ipv4 if family == 4 else host.ipv6, messenger.PORT) for host in hosts)
    return lab.start(PROBE.name, messenger.ask_argv(messenger.Errand(tuple(messages), (first, second), key)))


def run_loopback(plan: Plan, scenario: Scenario, messages: Sequence[str] = (), hear: Hear = lambda said: None) -> Facts:
    """On real sockets of 127.0.0.1, the network a relay between them. Any OS."""
    loopback.refuse(rule.id for rule in scenario.rules)
    real = dict(zip(_doors(), _free_ports(len(_doors())), strict=True))
    listeners = [loopback.Listener(host, kind, port, inner) for (host, kind, port), inner in real.items()]
    with (
        tempfile.TemporaryDirectory() as name,
        loopback.relay(scenario.network(), listeners, scenario.family) as lab,
        ExitStack() as running,
    ):
        folder = Path(name)

        def start(argv: Sequence[str]) -> netns.Program:
            return running.enter_context(netns.Program.local(argv))

        far = start(_respond_here(folder, real, lab.ports))
        dialled = (lab.ports[RESPONDER.name, "tcp", port] for port in (CONTROL_PORT, ALSO_PORT))
        link = _link(far.line('"link"'), "127.0.0.1", *dialled)
        texts = _texts_here(start, folder, messages, real, lab.ports) if messages else None
        outcome = _finish(start(_check(folder, plan, link)), plan.budget_s + SLACK_S, hear)
        exchanges = messenger.read_exchanges(texts.finish(SLACK_S).stdout) if texts else ()
        running.close()
        facts = _gather(folder, outcome, lab.stop(), exchanges)
        return _renumbered(facts, {(kind, lab.ports[host, kind, port]): port for host, kind, port in real})


def _respond_here(folder: Path, real: Mapping[Door, int], outer: Mapping[Door, int]) -> list[str]:
    """A responder on the loopback's ports, each announced as the relay's."""

    def pair(kind: loopback.Transport, port: int) -> str:
        return f"{outer[RESPONDER.name, kind, port]}:{real[RESPONDER.name, kind, port]}"

    argv = _respond(folder, [pair("udp", port) for port in PORTS], real[RESPONDER.name, "tcp", CONTROL_PORT])
    streams = pair("tcp", ALSO_PORT)
    return [*argv, "--host", "127.0.0.1", "--tcp-ports", streams, "--tls-ports", streams]


def _texts_here(
    start: Callable[[Sequence[str]], netns.Program],
    folder: Path,
    messages: Sequence[str],
    real: Mapping[Door, int],
    outer: Mapping[Door, int],
) -> netns.Program:
    """As `_texts`, behind the relay."""
    pem, key = _identity(folder)
    doors: list[Door] = [(host.name, "tcp", messenger.PORT) for host in (MESSENGER, REFERENCE)]
    for server in [start(messenger.serve_argv(real[door], pem, "127.0.0.1")) for door in doors]:
        server.line("ready")
    first, second = (("127.0.0.1", outer[door]) for door in doors)
    return start(messenger.ask_argv(messenger.Errand(tuple(messages), (first, second), key)))


def _identity(folder: Path) -> tuple[Path, str]:
    """A key file of the run's own for both hosts, and the key's text."""
    pem = folder / "messenger.pem"
    pem.write_bytes(new_identity_pem())
    return pem, pem_key_text(pem.read_bytes())


def _finish(program: netns.Program, limit_s: float, hear: Hear) -> netns.Outcome:
    """Wait for the check, and pass on what it says meanwhile."""
    until_s = time.monotonic() + limit_s
    while not program.ended(TELL_S) and time.monotonic() < until_s:
        hear(program.said())
    return program.finish(TELL_S)


def _doors() -> list[Door]:
    """Every port that a host of the loopback's lab listens on."""
    tcp: list[Door] = [(RESPONDER.name, "tcp", port) for port in (CONTROL_PORT, ALSO_PORT)]
    texts: list[Door] = [(host.name, "tcp", messenger.PORT) for host in (MESSENGER, REFERENCE)]
    return [*((RESPONDER.name, "udp", port) for port in PORTS), *tcp, *texts]


def _respond(folder: Path, ports: Sequence[str], control_port: int = CONTROL_PORT) -> list[str]:
    key = folder / "responder.pem"
    return [*PYTHON, "respond", "--json", "--port", str(control_port), "--ports", ",".join(ports),
            "--class", "home", "--key-file", str(key)]  # fmt: skip


def _check(folder: Path, plan: Plan, link: str) -> list[str]:
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    return [*PYTHON, "check", link, "--plan", str(folder / "plan.json"), "--json", "--lab",
            "--language", spoken().code, "-o", str(folder / "run.talkpath")]  # fmt: skip


def _link(line: str, host: str, port: int, also: int) -> str:
    return f"{host}:{port}?also={also}#{msgspec.json.decode(line)['key']}"


def _gather(folder: Path, outcome: netns.Outcome, lab: RouterHealth, exchanges: tuple[Exchange, ...]) -> Facts:
    """The facts that the check stored, with how the lab itself fared."""
    facts = _stored(folder, outcome)
    health = msgspec.structs.replace(
        facts.health, lab_late_ms_p99=round(lab.late_p99_ms, 3), router_drops=lab.dropped + lab.strayed
    )
    return msgspec.structs.replace(facts, health=health, exchanges=exchanges, simulated=True)


def _stored(folder: Path, outcome: netns.Outcome) -> Facts:
    bundle = folder / "run.talkpath"
    if not bundle.exists():
        said = outcome.stderr.decode(errors="replace").strip().splitlines()
        raise PeerError(f"The check in the lab wrote no evidence: {said[-1] if said else 'it said nothing'}")
    return read_facts(bundle.read_bytes())


def _renumbered(facts: Facts, ports: Mapping[tuple[str, int], int]) -> Facts:
    """The facts with the lab's port numbers in place of those by which the relay stands for them."""

    def number(kind: str, port: int) -> int:
        return ports.get(("udp" if kind == "udp" else "tcp", port), port)

    def path(text: str) -> str:
        kind, _, port = text.partition("/")
        return f"{kind}/{number(kind, int(port))}"

    def epoch(old: Epoch) -> Epoch:
        flows = tuple(msgspec.structs.replace(f, port=number(f.transport, f.port)) for f in old.flows)
        value = ",".join(map(path, str(old.value).split(","))) if old.question == "transport" else old.value
        return msgspec.structs.replace(old, flows=flows, value=value)

    paths = tuple(map(path, facts.paths))
    return msgspec.structs.replace(facts, epochs=tuple(map(epoch, facts.epochs)), paths=paths)


def _free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP on 127.0.0.1 just now, below those that programs get unasked."""
    found: list[int] = []
    for port in SystemRandom().sample(QUIET_PORTS, len(QUIET_PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, suppress(OSError):
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise PeerError("This machine has too few free ports for the lab; end other programs, or use --driver sim.")
