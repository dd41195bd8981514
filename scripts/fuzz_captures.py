"""Read damaged and hostile captures: nothing may crash, hang, or take much memory.

    python scripts/fuzz_captures.py tests/capture/lab ../shared/captures --cases 10000 --seed 1
    python scripts/fuzz_captures.py --nasty --cases 100000 --jobs 2 --minutes 60

A case is a piece of a capture of the folders (or two spliced), damaged; with `--nasty` it is a capture made to cost
memory or time (`nasty_captures.py`). The whole analysis runs on it, and every tenth time (`--nasty`: every second) its
scrubbed copy is made. The same seed gives the same cases. Prints what went wrong with the number of the case, how long
the slowest took, and the peak memory of a process; exit code 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import gzip
import io
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from random import Random
from types import FrameType

import nasty_captures
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.errors import WireError
from talkpath.report.recordings.capture_json import capture_line, capture_result
from talkpath.verdict.bases.calls_together import judge_recording

LONGEST_S, TELL_EACH, CHUNK = 20, 5000, 100
MOST_MIB = 550  # more than the process had before
"""Of memory in use; the limit of the address space only stops what would take the machine down."""
MOST_BYTES = 4 << 30
PIECE_BYTES = 12000
ODD = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def capture_content(path: Path) -> bytes:
    """Read a capture and unpack it, so that damage reaches the packets."""
    data = path.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def capture_piece(rng: Random, whole: bytes) -> bytearray:
    """Cut the beginning of a capture and a stretch from somewhere in it."""
    size = rng.randrange(200, PIECE_BYTES)
    at = rng.randrange(len(whole)) if rng.random() < 0.3 else 0
    return bytearray(whole[:400] + whole[at : at + size] if at else whole[:size])


def damaged_data(rng: Random, data: bytearray, other: bytes) -> None:
    """Damage the data in one way."""
    at = rng.randrange(4 if rng.random() < 0.95 else 0, len(data))
    size = min(rng.choice((1, 4, 16, 64, 400)), len(data) - at)
    match rng.randrange(8):
        case 0 | 1:
            data[at] = rng.randrange(256)
        case 2:
            data[at] ^= 1 << rng.randrange(8)
        case 3:
            width = rng.choice((1, 2, 4))
            value = (rng.choice(ODD) & ((1 << 8 * width) - 1)).to_bytes(width, rng.choice(("little", "big")))
            data[at : at + width] = value
        case 4:
            del data[at : at + size]
        case 5:
            data[at:at] = data[at : at + size]
        case 6:
            data[at : at + size] = rng.randbytes(size)
        case 7:
            begin = rng.randrange(len(other))
            data[at : at + size] = other[begin : begin + size]


def fuzz_case(seed: int, number: int, sources: Sequence[bytes]) -> bytes:
    """Make the bytes of one case."""
    rng = Random(seed << 40 | number)
    data = capture_piece(rng, rng.choice(sources))
    for _ in range(rng.choice((1, 2, 5, 20, 100))):
        if len(data) < 40:
            break
        damaged_data(rng, data, rng.choice(sources))
    return bytes(data)


def nasty_case(seed: int, number: int) -> tuple[str, bytes]:
    """The kind and the bytes of one hostile case."""
    rng = Random(seed << 40 | number)
    name = list(nasty_captures.KINDS)[number % len(nasty_captures.KINDS)]
    return name, nasty_captures.KINDS[name](rng)


def read_like_commands(data: bytes, also_scrub: bool) -> None:
    """Do everything that the commands do with a file."""
    with suppress(WireError):
        capture_line(capture_result("x", judge_recording(measure_calls(scan_capture(io.BytesIO(data))).findings)))
        if also_scrub:
            scrub_capture(io.BytesIO(data), io.BytesIO())


def peak_mib() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {LONGEST_S} s")


def _set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    signal.signal(signal.SIGPROF, _too_long)


@dataclass(frozen=True)
class Job:
    """Cases to play, `first` to before `last`: damaged pieces of `sources`, or hostile ones where there are none."""

    seed: int
    first: int
    last: int
    sources: tuple[bytes, ...] = ()

    def case(self, number: int) -> tuple[str, bytes]:
        """The kind and the bytes of a case."""
        return (
            ("damaged", fuzz_case(self.seed, number, self.sources)) if self.sources else nasty_case(self.seed, number)
        )


@dataclass
class Played:
    """What went wrong; how long the slowest case took, its number and kind; the peak memory."""

    wrong: list[str]
    slowest: tuple[float, int, str] = (0.0, -1, "")
    peak_mib: float = 0.0


def play_cases(job: Job) -> Played:
    """Play some cases."""
    out, most_mib = Played([]), peak_mib() + MOST_MIB
    for number in range(job.first, job.last):
        kind, data = job.case(number)
        begin = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)  # of CPU time: a busy machine is no hang
        try:
            read_like_commands(data, number % (10 if job.sources else 2) == 0)
        except Exception:  # noqa: BLE001 (whatever it is, it is told with its case)
            out.wrong.append(f"case {number} ({kind}):\n{traceback.format_exc()}")
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.slowest = max(out.slowest, (time.process_time() - begin, number, kind))
        if peak_mib() > most_mib:
            most_mib = peak_mib()
            out.wrong.append(f"case {number} ({kind}): {most_mib:.0f} MiB\n")
    out.peak_mib = peak_mib()
    return out


def main(arguments: Sequence[str]) -> int:
    """Play the cases on several processes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", type=Path, nargs="*")
    options.add_argument("--nasty", action="store_true")
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--minutes", type=float, default=1e9, help="stop after so many")
    chosen = options.parse_args(arguments)
    if not chosen.nasty and not chosen.folders:
        options.error("name folders of captures, or --nasty")
    paths = [path for folder in chosen.folders for path in sorted(folder.glob("*.pcap*"))]
    sources = () if chosen.nasty else tuple(capture_content(path) for path in paths)
    until_s, end = time.monotonic() + 60 * chosen.minutes, chosen.first + chosen.cases
    jobs = [Job(chosen.seed, at, min(at + CHUNK, end), sources) for at in range(chosen.first, end, CHUNK)]
    played, wrong, slowest, peak = 0, 0, (0.0, -1, ""), 0.0
    with Pool(chosen.jobs, initializer=_set_limits) as pool:
        for job, done in zip(jobs, pool.imap(play_cases, jobs), strict=True):
            played, wrong = played + job.last - job.first, wrong + len(done.wrong)
            slowest, peak = max(slowest, done.slowest), max(peak, done.peak_mib)
            print("".join(done.wrong), end="", flush=True)  # noqa: T201
            if played % TELL_EACH == 0:
                print(f"{played} cases, {wrong} went wrong", flush=True)  # noqa: T201
            if time.monotonic() > until_s:
                pool.terminate()
                break
    print(  # noqa: T201
        f"{played} cases of seed {chosen.seed} from {chosen.first} on: {wrong} went wrong; "
        f"slowest {slowest[0]:.2f} s (case {slowest[1]}, {slowest[2]}); peak memory of a process {peak:.0f} MiB"
    )
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
