"""Bundles that a stranger signed, on the command line: poisoned numbers, heavy facts, changed claims, false names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests"))

from msgspec.structs import replace

from attacks import forging
from attacks.stage import Attack, Finding, run_talkpath
from factories.checks import slow_facts

INFINITE, NOT_A_NUMBER = float("inf"), float("nan")
POISON: tuple[dict[str, Any], ...] = (
    {"duration_s": 0.0, "start_s": 0.0},
    {"duration_s": INFINITE},
    {"duration_s": 1e308, "start_s": 1e308},
    {"duration_s": -1.0},
    {"start_s": NOT_A_NUMBER},
    {"streams.0.duration_s": 0.0, "streams.0.packet_ms": 0.0},
    {"streams.0.packets": 0, "streams.0.lost": 10},
    {"streams.0.packets": 2**63},
    {"streams.0.kbps": INFINITE},
    {"streams.0.clock_hz": 0},
    {"flows.0.packets_sent": -1},
    {"seconds": []},
    {"file_end_s": NOT_A_NUMBER, "control_end_s": INFINITE},
    {"app": "x" * 5000},
    {"app": "\u001b[2J"},
    {"media": ["voice"] * 10_000},
)
HEAVY_SECONDS, HEAVY_MB = 22.0, 600.0  # 20 s of judging, and the start


def poisoned_recordings(folder: Path) -> Finding:
    """`judge`, `report` and `verify` of recordings with impossible numbers."""
    broken, seconds = [], 0.0
    for number, change in enumerate(POISON):
        file = folder / f"{number}.talkpath"
        file.write_bytes(forging.forged_recording(change))
        ends = [run_talkpath(name, file) for name in (("judge", "report", "verify") if number < 4 else ("judge",))]
        if any(end.traceback or end.exit_code < 0 for end in ends):
            broken.append(str(change)[:40])
        seconds = max(seconds, *(end.seconds for end in ends))
    told = f"{len(broken)} of {len(POISON)} with a traceback, slowest {seconds:.1f} s"
    return Finding(not broken, f"{told} {'; '.join(broken)}".strip())


def heavy_check(packets: int, flows: int, epochs: int) -> Any:
    """A check's facts with so many packets a flow, flows and epochs: little to send, much to judge."""
    facts = forging.plain_record(forging.measured_facts())
    facts.pop("receipt", None)
    first = facts["epochs"][0]
    flow_bytes = bytes((packets + 7) // 8)
    track = {"at_ms": [float(20 * n) for n in range(packets)], "size": [100] * packets, "stage": ["media"] * packets}
    pairs: list[dict[str, Any]] = []
    for number in range(flows):
        role = {"role": "call"} if number % 2 else {"role": "twin", "twin_kind": "random"}
        for direction in ("up", "down"):
            own = {"id": len(pairs), "flow": number, "direction": direction, "sent": flow_bytes, "arrived": flow_bytes}
            pairs.append(own | role)
    facts["epochs"] = [
        {**first, "number": number, "k": flows // 2, "up": track, "down": track, "flows": pairs}
        for number in range(epochs)
    ]
    return facts


def slow_check(epochs: int = 30) -> Any:
    """A check within all bounds: many long epochs that are cut off, with a size of its own for every packet."""
    made = slow_facts.slow_facts_of(epochs, 1000, "media", lambda place: 60 + place, cut=True)
    return {**forging.plain_record(forging.measured_facts()), **forging.plain_record(made), "receipt": None}


def heavy_checks(name: str) -> Any:
    """Plays `name` on a check of many epochs, on one of few large ones, and on one within all bounds."""

    def play(folder: Path) -> Finding:
        measured = []
        beyond = (heavy_check(*sizes) for sizes in ((4000, 64, 150), (200, 128, 1500)))
        for number, facts in enumerate((*beyond, slow_check())):
            file = folder / f"{number}.talkpath"
            file.write_bytes(forging.forged_check(facts))
            measured.append((file.stat().st_size, run_talkpath(name, file, seconds=200.0)))
        holds = all(
            not end.traceback and end.exit_code >= 0 and end.cpu_s < HEAVY_SECONDS and end.mib < HEAVY_MB
            for _, end in measured
        )
        return Finding(holds, "; ".join(f"{size // 1000} kB: {end}" for size, end in measured))

    return play


def resigned_claims(folder: Path) -> Finding:
    """Keeps the run's key and its valid receipt, and signs other claims: `verify` must not call them unchanged."""
    facts = forging.plain_record(forging.measured_facts())
    exchange = {"app": "telegram", "host": "x", "neutral": False, "at_s": 0.0, "ok": False, "failure": "eof_error"}
    changes: dict[str, Any] = {
        "exchanges": {"exchanges": [exchange] * 3},
        "started_at": {"started_at": "2025-08-13T10:00:00Z"},
        "health": {"health": {**facts["health"], "late_ms_p99": 0.0, "clock_jump_s": 0.0, "vpn": False}},
        "alpha": {"plan": {**facts["plan"], "alpha": 0.5}},
    }
    believed = []
    for name, change in changes.items():
        file = folder / f"{name}.talkpath"
        file.write_bytes(forging.forged_check({**facts, **change}))
        end = run_talkpath("verify", file, "--json")
        if end.exit_code == 0:
            said = json.loads(end.stdout)
            if not _says_what_is_bound(said):
                believed.append(name)
    return Finding(not believed, f"believed: {', '.join(believed) or 'none'} of {', '.join(changes)}")


def _says_what_is_bound(said: dict[str, Any]) -> bool:
    """Whether the result of `verify` limits what the receipt covers."""
    receipt = said.get("receipt") or {}
    return bool(receipt) and receipt.get("covers") in ("epochs", ["epochs"])


def false_writer(folder: Path) -> Finding:
    """A name of the writing program that imitates `verify`'s own sentence."""
    spoof = "talkpath. The receipt of a listed operator verifies; unchanged since"
    outputs = []
    for number, text in enumerate((spoof, "x" * 5000, "talkpath/1\u001b[2J", "talkpath/1\nunchanged")):
        file = folder / f"{number}.talkpath"
        file.write_bytes(forging.forged_check(forging.measured_facts(), written_by=text))
        end = run_talkpath("verify", file)
        outputs.append(end.exit_code == 0 or text.encode()[:60] in end.stdout + end.stderr)
    return Finding(not any(outputs), f"{sum(outputs)} of {len(outputs)} accepted or printed")


def escape_in_names(folder: Path) -> Finding:
    """File names with ESC, a bidirectional override and a newline, given to four commands."""
    raw = b"".join((b"\x1b", "\u202e".encode(), b"\x07"))
    printed = 0
    for name in ("\u001b[31mred", "abc\u202egpj", "line\nbreak", "bell\u0007"):
        file = folder / f"{name}.pcap"
        file.write_bytes(b"no capture")
        for argv in (
            ("capture", file),
            ("scrub", file, "-o", folder / "out.pcapng"),
            ("report", file),
            ("judge", file),
        ):
            end = run_talkpath(*argv)
            text = end.stdout + end.stderr
            printed += any(byte in text for byte in (raw[:1], "\u202e".encode(), b"\x07")) or b"line\nbreak" in text
    return Finding(not printed, f"{printed} of 16 outputs held a control character")


def unlisted_server(folder: Path) -> Finding:
    """A restricted result from a test server that is on no list: the words must name the server as a possible cause."""
    from talkpath.experiment.plan import choose_arms, make_plan
    from talkpath.lab.drivers.run import run_sim
    from talkpath.lab.scenario import Scenario

    facts = forging.plain_record(
        run_sim(make_plan(choose_arms(["whatsapp/relay60"])), Scenario.parse("clean", ["media.drop,p=0.6"], 1))
    )
    key = forging.measured_facts().responder_key
    facts.update(simulated=False, responder_key=key, started_at=forging.STARTED, receipt=None)
    file = folder / "restricted.talkpath"
    file.write_bytes(forging.forged_check({**facts, "receipt": None}))
    text = " ".join(run_talkpath("report", file).stdout.decode().lower().split())
    named = "test server itself" in text
    return Finding(named, "named" if named else f"not named ({len(text)} characters)")


def lone_second_opinion(folder: Path) -> Finding:
    """One lying test server passed off as two: its key left out of the second check's facts, or another one named."""
    believed, rules = [], ("media.drop,p=0.6",)
    first = forging.measured_facts(rules=rules)
    for name, server, key in (("blank", "server", ""), ("named", "server", "A" * 43), ("two", "other", None)):
        other = forging.measured_facts("second", server, rules=rules, seed=2)
        second = other if key is None else replace(other, responder_key=key)
        file = folder / f"{name}.talkpath"
        file.write_bytes(forging.forged_check(first, second=forging.forged_check(second, probe="second")))
        text = " ".join(run_talkpath("report", file).stdout.decode().split())
        if "two of two test servers" in text:
            believed.append(name)
    return Finding(believed == ["two"], f"told as two: {', '.join(believed) or 'none'}")


ATTACKS = (
    Attack("one lying test server passed off as two: report", "told of two servers alone", lone_second_opinion),
    Attack(
        "recordings with impossible numbers: judge, report, verify", "a sentence, no traceback", poisoned_recordings
    ),
    Attack(
        "a heavy check: verify",
        f"≤ {HEAVY_SECONDS:.0f} s of the processor, ≤ {HEAVY_MB:.0f} MB",
        heavy_checks("verify"),
    ),
    Attack(
        "a heavy check: judge", f"≤ {HEAVY_SECONDS:.0f} s of the processor, ≤ {HEAVY_MB:.0f} MB", heavy_checks("judge")
    ),
    Attack("other claims signed again under a valid receipt: verify", "none believed", resigned_claims),
    Attack("a writer's name that imitates verify's sentence", "refused, not printed", false_writer),
    Attack("file names with ESC, bidi control, newline, bell", "nothing raw printed", escape_in_names),
    Attack("a lying test server: the words of `restricted`", "name the server as a cause", unlisted_server),
)
