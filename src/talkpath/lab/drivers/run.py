"""Runs one check through a simulated network, with each of the three drivers: same plan, engines and verdicts.

`run_sim` plays it in virtual time in this process. `run_netns` and `run_loopback` start the real `talkpath respond` and
`talkpath check` and read the evidence that the check wrote. `messages` are apps whose messages are tried beside the
check (lab/messenger); `on_progress` is called some times a second with what the check reports of its progress.
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
from msgspec.structs import replace

from talkpath.conduct.check import Check
from talkpath.conduct.request import Observer
from talkpath.errors import PeerError
from talkpath.evidence.bundle import read_facts
from talkpath.evidence.known_responders import probe_signer
from talkpath.lab.drivers import loopback, netns
from talkpath.lab.drivers.delivery import RouterHealth
from talkpath.lab.drivers.program import Program, ProgramOutcome
from talkpath.lab.drivers.sim import ALSO_PORT, CONTROL_PORT, SIM_NETWORK, SIM_PORTS, Sim
from talkpath.lab.messenger.client import MESSENGER_PORT, ExchangeRequest, ask_argv, read_exchanges, serve_argv
from talkpath.lab.messenger.simulated import ask_in_sim
from talkpath.lab.path.link import LAB_PROBE, LAB_REFERENCE, MESSENGER, RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch, Exchange, Facts, Plan
from talkpath.report.words.language import spoken
from talkpath.responder.geoip import NetworkOrigin
from talkpath.wire.control.keys import new_identity_pem, pem_key_text
from talkpath.wire.control.question import TransportPaths

OnProgress = Callable[[str], None]
ListenerKey = tuple[str, loopback.ListenTransport, int]  # host, transport, port
StartProgram = Callable[[Sequence[str]], Program]

PROGRESS_S = 0.25
PYTHON = (sys.executable, "-m", "talkpath")
CHECK_SLACK_S = 90.0
MESSAGES_S = 30.0
HOSTS_BESIDE = ("telegram", "whatsapp", "signal")  # whose hosts are asked where the responder does not answer
QUIET_PORTS = range(20_000, 32_000)  # not ephemeral on Linux, macOS or Windows


def ignore_progress(message: str) -> None:
    """The progress callback of callers that want none."""


def run_sim(
    plan: Plan,
    scenario: Scenario,
    messages: Sequence[str] = (),
    on_progress: OnProgress = ignore_progress,
    where: NetworkOrigin = SIM_NETWORK,
) -> Facts:
    """In virtual time. `where` is the network that the responder finds the probe in."""

    seed = Random(f"probe {scenario.seed}").randbytes(32)
    observer = Observer(
        question_asked=lambda facts, asked: on_progress(f"{asked.arm.app} {asked.arm.medium}"),
        epoch_ended=lambda facts: on_progress("epoch"),
    )
    check = Check(plan, seed, family=scenario.family, key=probe_signer().public, observer=observer)
    sim = Sim(check, scenario.network(), scenario.seed, where=where)
    exchanges = ask_in_sim(sim, messages, scenario.family) if messages else []
    facts = replace(sim.run(), exchanges=tuple(exchanges), simulated=True, responder_key="")
    if not _never_reached(facts):
        return facts
    return _with_reference(facts, exchanges or messages_in_sim(plan, scenario, HOSTS_BESIDE))


def messages_in_sim(plan: Plan, scenario: Scenario, apps: Sequence[str]) -> list[Exchange]:
    """Exchanges alone, without a check, through a fresh network of the scenario."""
    sim = Sim(Check(plan, bytes(32), family=scenario.family), scenario.network(), scenario.seed)
    exchanges = ask_in_sim(sim, apps, scenario.family)
    sim.play(MESSAGES_S)
    return exchanges


def _never_reached(facts: Facts) -> bool:
    return facts.reach.control == "timeout"


def _with_reference(facts: Facts, exchanges: Sequence[Exchange]) -> Facts:
    """Adds what other hosts answered in the same minute, where the responder did not answer: the lab's reference as one
    in the person's own country, the messenger as a host abroad for each app. A list would have named the responder, for
    the lab had seen it answer."""
    others = (replace(one, app="", host=one.app, neutral=True, kind="online") for one in exchanges if not one.neutral)
    domestic = (replace(one, kind="domestic") for one in exchanges if one.neutral)
    return replace(facts, reach=replace(facts.reach, listed_s=0.0), exchanges=(*facts.exchanges, *others, *domestic))


def run_netns(
    plan: Plan, scenario: Scenario, messages: Sequence[str] = (), on_progress: OnProgress = ignore_progress
) -> Facts:
    """On real sockets in network namespaces. `namespace.enter()` was called before."""
    host = RESPONDER.ipv4 if scenario.family == 4 else f"[{RESPONDER.ipv6}]"
    with tempfile.TemporaryDirectory() as name, netns.netns_lab(scenario.network()) as lab:
        folder = Path(name)
        streams = ["--tcp-ports", str(ALSO_PORT), "--tls-ports", str(ALSO_PORT)]
        responder = lab.start(RESPONDER.name, [*respond_argv(folder, [str(port) for port in SIM_PORTS]), *streams])
        link = link_to(responder.line('"link"'), host, CONTROL_PORT, ALSO_PORT)
        client = _start_messages(lab, folder, messages, scenario.family) if messages else None
        check = lab.start(LAB_PROBE.name, check_argv(folder, plan, link))
        outcome = _wait_for_probe(check, plan.budget_s + CHECK_SLACK_S, on_progress)
        exchanges = read_exchanges(client.finish(CHECK_SLACK_S).stdout) if client else ()
        if client is None and outcome.exit_code == 3 and _never_reached(_stored_facts(folder, outcome)):
            client = _start_messages(lab, folder, HOSTS_BESIDE, scenario.family)
            reference = read_exchanges(client.finish(CHECK_SLACK_S).stdout)
        else:
            reference = exchanges
        facts = _facts_in_folder(folder, outcome, lab.stop(), exchanges)
        return _with_reference(facts, reference) if _never_reached(facts) else facts


def _start_messages(lab: netns.NetnsLab, folder: Path, apps: Sequence[str], family: int) -> Program:
    """Starts the messenger, the neutral host, and the client that asks them."""
    pem, key = new_identity(folder)
    hosts = MESSENGER, LAB_REFERENCE
    for server in [lab.start(host.name, serve_argv(MESSENGER_PORT, pem)) for host in hosts]:
        server.line("ready")
    first, second = ((host.ipv4 if family == 4 else host.ipv6, MESSENGER_PORT) for host in hosts)
    return lab.start(LAB_PROBE.name, ask_argv(ExchangeRequest(tuple(apps), (first, second), key)))


def run_loopback(
    plan: Plan, scenario: Scenario, messages: Sequence[str] = (), on_progress: OnProgress = ignore_progress
) -> Facts:
    """On real sockets of 127.0.0.1, with the network in a relay between them. Any operating system."""
    loopback.refuse_rules(rule.id for rule in scenario.rules)
    keys = _listener_keys()
    real_ports = dict(zip(keys, _free_ports(len(keys)), strict=True))
    listeners = [loopback.Listener(host, kind, port, inner) for (host, kind, port), inner in real_ports.items()]
    with (
        tempfile.TemporaryDirectory() as name,
        loopback.relay_process(scenario.network(), listeners, scenario.family) as lab,
        ExitStack() as running,
    ):
        folder = Path(name)

        def start(argv: Sequence[str]) -> Program:
            return running.enter_context(Program.local(argv))

        responder = start(_loopback_respond_argv(folder, real_ports, lab.ports))
        control_ports = (lab.ports[RESPONDER.name, "tcp", port] for port in (CONTROL_PORT, ALSO_PORT))
        link = link_to(responder.line('"link"'), "127.0.0.1", *control_ports)
        client = _start_loopback_messages(start, folder, messages, real_ports, lab.ports) if messages else None
        outcome = _wait_for_probe(start(check_argv(folder, plan, link)), plan.budget_s + CHECK_SLACK_S, on_progress)
        exchanges = read_exchanges(client.finish(CHECK_SLACK_S).stdout) if client else ()
        running.close()
        facts = _facts_in_folder(folder, outcome, lab.stop(), exchanges)
        return _with_lab_ports(facts, {(kind, lab.ports[host, kind, port]): port for host, kind, port in keys})


def _loopback_respond_argv(
    folder: Path, real_ports: Mapping[ListenerKey, int], relay_ports: Mapping[ListenerKey, int]
) -> list[str]:
    """A responder on the loopback's ports, each announced as the relay's."""

    def pair(kind: loopback.ListenTransport, port: int) -> str:
        return f"{relay_ports[RESPONDER.name, kind, port]}:{real_ports[RESPONDER.name, kind, port]}"

    control_port = real_ports[RESPONDER.name, "tcp", CONTROL_PORT]
    argv = respond_argv(folder, [pair("udp", port) for port in SIM_PORTS], control_port)
    streams = pair("tcp", ALSO_PORT)
    return [*argv, "--host", "127.0.0.1", "--tcp-ports", streams, "--tls-ports", streams]


def _start_loopback_messages(
    start: StartProgram,
    folder: Path,
    apps: Sequence[str],
    real_ports: Mapping[ListenerKey, int],
    relay_ports: Mapping[ListenerKey, int],
) -> Program:
    """As `_start_messages`, behind the relay."""
    pem, key = new_identity(folder)
    keys: list[ListenerKey] = [(host.name, "tcp", MESSENGER_PORT) for host in (MESSENGER, LAB_REFERENCE)]
    for server in [start(serve_argv(real_ports[each], pem, "127.0.0.1")) for each in keys]:
        server.line("ready")
    first, second = (("127.0.0.1", relay_ports[each]) for each in keys)
    return start(ask_argv(ExchangeRequest(tuple(apps), (first, second), key)))


def new_identity(folder: Path) -> tuple[Path, str]:
    """A new key file for both hosts of this run, and the key's text."""
    pem = folder / "messenger.pem"
    pem.write_bytes(new_identity_pem())
    return pem, pem_key_text(pem.read_bytes())


def _wait_for_probe(program: Program, limit_s: float, on_progress: OnProgress) -> ProgramOutcome:
    """Waits for the check, and passes its progress on meanwhile."""
    until_s = time.monotonic() + limit_s
    while not program.ended(PROGRESS_S) and time.monotonic() < until_s:
        on_progress(program.last_error_line())
    return program.finish(PROGRESS_S)


def _listener_keys() -> list[ListenerKey]:
    """Every port that a host of the loopback's lab listens on."""
    tcp: list[ListenerKey] = [(RESPONDER.name, "tcp", port) for port in (CONTROL_PORT, ALSO_PORT)]
    messages: list[ListenerKey] = [(host.name, "tcp", MESSENGER_PORT) for host in (MESSENGER, LAB_REFERENCE)]
    return [*((RESPONDER.name, "udp", port) for port in SIM_PORTS), *tcp, *messages]


def respond_argv(folder: Path, ports: Sequence[str], control_port: int = CONTROL_PORT) -> list[str]:
    """The command that starts a responder whose key lies in the folder."""
    ports_argv = ["--port", str(control_port), "--ports", ",".join(ports)]
    return [*PYTHON, "respond", "--json", *ports_argv, "--class", "home", "--key-file", str(folder / "responder.pem")]


def check_argv(folder: Path, plan: Plan, link: str) -> list[str]:
    """The command that runs the check of that plan; its plan and its bundle lie in the folder."""
    plan_file, bundle = folder / "plan.json", folder / "run.talkpath"
    plan_file.write_bytes(msgspec.json.encode(plan))
    output = ["--json", "--lab", "--language", spoken().code, "-o", str(bundle)]
    return [*PYTHON, "check", link, "--plan", str(plan_file), *output]


def link_to(line: str, host: str, port: int, also: int) -> str:
    """A link from the line of JSON that a responder prints when it is ready."""
    told = msgspec.json.decode(line)
    return f"{host}:{port}?also={also}&token={told['token']}#{told['key']}"


def _facts_in_folder(
    folder: Path, outcome: ProgramOutcome, lab: RouterHealth, exchanges: tuple[Exchange, ...]
) -> Facts:
    """The facts that the check stored, with the lateness and losses of the lab's own router."""
    facts = _stored_facts(folder, outcome)
    own_drops = lab.dropped + lab.strayed
    health = replace(facts.health, lab_late_ms_p99=round(lab.late_p99_ms, 3), router_drops=own_drops)
    return replace(facts, health=health, exchanges=exchanges, simulated=True)


def _stored_facts(folder: Path, outcome: ProgramOutcome) -> Facts:
    bundle = folder / "run.talkpath"
    if not bundle.exists():
        errors = outcome.stderr.decode(errors="replace").strip().splitlines()
        raise PeerError(f"The check in the lab wrote no evidence: {errors[-1] if errors else 'it printed no error'}")
    return read_facts(bundle.read_bytes())


def _with_lab_ports(facts: Facts, ports: Mapping[tuple[str, int], int]) -> Facts:
    """The facts with the lab's port numbers in place of the relay's."""

    def number(kind: str, port: int) -> int:
        return ports.get(("udp" if kind == "udp" else "tcp", port), port)

    def transport(text: str) -> str:
        kind, _, port = text.partition("/")
        return f"{kind}/{number(kind, int(port))}"

    def epoch(old: Epoch) -> Epoch:
        flows = tuple(replace(flow, port=number(flow.transport, flow.port)) for flow in old.flows)
        question = old.question
        if isinstance(question, TransportPaths):
            question = TransportPaths(tuple(map(transport, question.codes)))
        return replace(old, flows=flows, question=question)

    return replace(facts, epochs=tuple(map(epoch, facts.epochs)), paths=tuple(map(transport, facts.paths)))


def _free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP on 127.0.0.1 now, below those that programs get by default."""
    free: list[int] = []
    for port in SystemRandom().sample(QUIET_PORTS, len(QUIET_PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, suppress(OSError):
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
            free.append(port)
        if len(free) == count:
            return free
    raise PeerError("This machine has too few free ports for the lab; end other programs, or use --driver sim.")
