"""Changes records in their structure and reads them: bundles, and messages of the control channel.

    python scripts/fuzz_records.py bundles --cases 100000 --jobs 2
    python scripts/fuzz_records.py messages --cases 100000

A bundle is a check, a recording or the answers of an app's own servers, whose facts and stored verdict were mutated and
signed again, as a stranger may write them; one check in five holds the mutated check of a second test server. It is
verified, judged and shown as text, JSON and HTML: the only error allowed is `BundleError`. A message is one of
spec/tp-005, mutated, sent to a responder's engine in the middle of a session: every one gets an answer or a Refusal.
The same seed gives the same cases. Prints what went wrong with the number of the case, the slowest case, and the peak
memory; exit code 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import io
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import Pool
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import msgspec
from rich.console import Console

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.checks.mutated_bundles import mutated_record, signed_bundle
from proof.accompanied_calls import play_accompanied_call
from proof.app_servers.drawing import draw_restricted
from talkpath.api.verification import judge, verify
from talkpath.apps import shapes
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.errors import BundleError
from talkpath.evidence.bundle import read_bundle
from talkpath.evidence.known_responders import probe_signer, responder_signer
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.experiment.seeds import seed_commitment
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.own_addresses import ask_own_addresses as play_own_addresses
from talkpath.lab.scenario import Scenario
from talkpath.report import endpoint_report
from talkpath.report.check_json import judge_check
from talkpath.report.recordings.capture_json import capture_result
from talkpath.report.rejudge import judgement_page, show_judgement
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.wire.control import messages

ROOT = Path(__file__).parents[1]
LONGEST_S, TELL_EACH, CHUNK = 20, 10_000, 500
MOST_BYTES = 4 << 30
ASKED = (1, 2, 3)  # seeds of networks over which an app's own addresses were asked
PLAYED = (("clean", ()), ("ge,loss=0.05", ("media.drop,app=telegram,p=0.4",)), ("clean", ("stun.drop",)))

Case = Callable[[int, int], bool]


@cache
def unchanged_bundles() -> list[tuple[str, Any, Any]]:
    """(kind, facts, verdict) of unchanged bundles, as plain values."""
    every: list[tuple[str, Any, Any]] = []
    for seed, (background, rules) in enumerate(PLAYED, 1):
        facts = run_sim(make_plan(choose_arms(["telegram", "webrtc"])), Scenario.parse(background, rules, seed))
        facts = msgspec.structs.replace(facts, receipt=None, started_at="2026-11-24T10:00:00Z")
        every.append(("check", facts, judge_check(facts)[1]))
    for path in sorted((ROOT / "tests/capture/lab").glob("*.pcap.gz"))[:3]:
        recorded = measure_calls(scan_capture(io.BytesIO(gzip.decompress(path.read_bytes())))).findings
        every.append(("capture", recorded, capture_result("x", judge_recording(recorded))))
    for seed in ASKED:
        asked, _ = play_own_addresses(draw_restricted(seed, ("clean",)).case)
        asked = msgspec.structs.replace(asked, started_at="2026-11-24T10:00:00Z")
        every.append(("endpoints", asked, endpoint_report.endpoints_json(asked, judge_own_addresses(asked))))
    beside = play_accompanied_call(
        "whatsapp", 8.0, Scenario.parse("clean", ["media.freeze,after_s=3,to=app"], 1), flows=3
    ).findings
    every.append(("capture", beside, capture_result("x", judge_recording(beside))))
    return [(kind, _plain_values(facts), msgspec.json.decode(msgspec.json.encode(told))) for kind, facts, told in every]


def _plain_values(record: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(record), strict=False)


def bundle_case(seed: int, number: int) -> bool:
    """Whether a mutated bundle was still taken for one. Raises whatever goes wrong."""
    rng = Random(seed << 40 | number)
    kind, facts, verdict = rng.choice(unchanged_bundles())
    times = rng.choice((1, 1, 2, 3, 8))
    second = _second_bundle(rng, times) if kind == "check" and rng.random() < 0.2 else b""
    facts = mutated_record(facts, rng, times) if rng.random() < (0.3 if second else 0.9) else facts
    verdict = mutated_record(verdict, rng, times) if rng.random() < 0.2 else verdict
    data = signed_bundle(kind, facts, verdict, probe_signer(), second)
    if data is None:
        return False
    try:
        _show_bundle(data)
    except BundleError:
        return False
    return True


def _second_bundle(rng: Random, times: int) -> bytes:
    """The bundle of a second test server, mutated or, at times, any bundle at all; empty where it cannot be written."""
    kind, facts, verdict = rng.choice(unchanged_bundles()[: len(PLAYED) + 1])
    facts = mutated_record(facts, rng, times) if rng.random() < 0.7 else facts
    return signed_bundle(kind, facts, verdict, responder_signer()) or b""


def _show_bundle(data: bytes) -> None:
    """Everything that `verify`, `judge` and `report` do."""
    verify(data)
    stored = read_bundle(data)
    judgement = judge(stored)
    msgspec.json.encode(judgement.record)
    console = Console(file=io.StringIO(), width=100)
    show_judgement(console, stored, judgement)
    judgement_page(stored, judgement, [])


ARMS = list(shapes())
SEED = bytes(32)


def message_case(seed: int, number: int) -> bool:
    """Whether a mutated message was answered by anything but a Refusal. Raises whatever goes wrong."""
    rng = Random(seed << 40 | number)
    far = Responder(Identity(tuple(range(3000, 3016)), (443,), (443,)), draw=rng.randbytes)
    session = far.connect("block")
    arm = rng.choice(ARMS)
    own: list[messages.AnyMessage] = [
        messages.Hello((messages.PROTOCOL_VERSION,), "fuzz", seed_commitment(SEED), {str(arm): shape_digest(arm)}),
        messages.Open(SEED),
        messages.Begin(number=0, arm=str(arm), k=2, packets=5, first_tuple=0, locals=60),
        messages.Close(0, ()),
        messages.Finish(bytes(32), "done", bytes(32)),
    ]
    if rng.random() < 0.3:
        beside = (messages.Accompany(0, 2), messages.Pattern(0, 0, (0, 20), (120, 90)), messages.Conclude(0))
        own[2:] = beside
    turn = rng.randrange(len(own))
    for step, message in enumerate(own[: turn + 1]):
        frame = messages.encode_message(message)
        if step == turn:
            frame = _mutated_frame(rng, message)
        answers = messages.Decoder().feed(far.receive(float(step), session, frame))
        far.poll(float(step))
        if session.closed:
            if not answers:
                raise AssertionError("a session was closed without an answer")
            far.disconnect(session)
            return not isinstance(answers[-1], messages.Refusal)
    far.disconnect(session)
    return True


def _mutated_frame(rng: Random, message: messages.AnyMessage) -> bytes:
    for _ in range(20):
        with suppress(OverflowError, TypeError, ValueError, IndexError):
            body = msgspec.msgpack.encode(mutated_record(_plain_values(message), rng, rng.choice((1, 1, 2, 4))))
            if rng.random() < 0.2:
                at = rng.randrange(len(body))
                body = body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
            return len(body).to_bytes(4, "big") + body
    return messages.encode_message(message)


CASES: dict[str, Case] = {"bundles": bundle_case, "messages": message_case}


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {LONGEST_S} s")


def _set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGPROF, _too_long)


def play_cases(job: tuple[str, int, int, int]) -> tuple[int, list[str], tuple[float, int], float]:
    """Plays cases `first` to `last`: (how many were accepted, what went wrong, the slowest, peak MiB)."""
    kind, seed, first, last = job
    case, accepted, wrong, slowest = CASES[kind], 0, [], (0.0, -1)
    for number in range(first, last):
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)  # of CPU time: a busy machine is no hang
        try:
            accepted += case(seed, number)
        except Exception:  # noqa: BLE001 (whatever it is, it is reported with its case)
            wrong.append(f"case {number}:\n{traceback.format_exc()}")
        signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, (time.process_time() - began_s, number))
    gc.collect()
    return accepted, wrong, slowest, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str]) -> int:
    """Plays the cases on several processes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("kind", choices=list(CASES))
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--minutes", type=float, default=1e9, help="stop after so many")
    chosen = options.parse_args(arguments)
    until_s, end = time.monotonic() + 60 * chosen.minutes, chosen.first + chosen.cases
    jobs = [(chosen.kind, chosen.seed, at, min(at + CHUNK, end)) for at in range(chosen.first, end, CHUNK)]
    played = accepted = failed = 0
    slowest, peak = (0.0, -1), 0.0
    with Pool(chosen.jobs, initializer=_set_limits) as pool:
        for job, (taken, wrong, slow, mib) in zip(jobs, pool.imap(play_cases, jobs), strict=False):
            played, accepted, failed = played + job[3] - job[2], accepted + taken, failed + len(wrong)
            slowest, peak = max(slowest, slow), max(peak, mib)
            print("".join(wrong), end="", flush=True)  # noqa: T201
            if played % TELL_EACH == 0:
                print(f"{played} cases, {failed} went wrong", flush=True)  # noqa: T201
            if time.monotonic() > until_s:
                pool.terminate()
                break
    print(  # noqa: T201
        f"{played} {chosen.kind} of seed {chosen.seed} from {chosen.first} on: {failed} went wrong, {accepted} were "
        f"accepted; slowest {slowest[0]:.2f} s (case {slowest[1]}); peak memory of a process {peak:.0f} MiB"
    )
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
