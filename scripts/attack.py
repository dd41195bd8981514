"""Replays attacks against running servers and files, and prints a table: the part of docs/security.md whose
promise it breaks, attack, bound, measured.

    python scripts/attack.py [--only WORD] [--list] [--source SRC]

With --source the commands and servers of another commit's src are attacked, to see whether a case fails where its mend
is not; those that call functions in this process are played against these sources all the same.

Every attack runs in a process, a folder and (where it needs one) a network namespace of its own, on loopback only, for
at most four minutes (most take seconds). Exit code 1 where a bound does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from attacks import (
    bundles,
    check_page,
    far_end,
    intake,
    recordings,
    relay,
    responder,
    sent_shapes,
    server_lists,
    this_machine,
    two_phones,
    volunteers,
    whole_server,
)
from attacks.stage import Attack, Finding

PROMISES: dict[str, tuple[Attack, ...]] = {
    "evidence": bundles.ATTACKS,
    "recordings": (*recordings.ATTACKS, *this_machine.RECORDING_ATTACKS),
    "test server": (
        *responder.ATTACKS,
        *sent_shapes.ATTACKS,
        *relay.ATTACKS,
        *volunteers.SERVER_ATTACKS,
        *whole_server.ATTACKS,
    ),
    "check page": (*check_page.ATTACKS, *far_end.ATTACKS, *volunteers.PAGE_ATTACKS, *two_phones.ATTACKS),
    "observatory": intake.ATTACKS,
    "directory": (*server_lists.ATTACKS, *volunteers.DIRECTORY_ATTACKS),
    "this machine": this_machine.ATTACKS,
}
"""The attacks on each part of docs/security.md: what is printed as a bound is the promise there that breaks."""
ATTACKS = tuple(attack for attacks in PROMISES.values() for attack in attacks)
PARTS = {attack.name: part for part, attacks in PROMISES.items() for attack in attacks}
AT_ONCE = 2
LIMIT_S = 240.0


def play_attack(number: int) -> Finding:
    """One attack in a process of its own, which is killed with everything that it started when its time is over."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--number", str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
        return Finding(*json.loads(out.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        return Finding(False, f"did not end within {LIMIT_S:.0f} s")
    except (IndexError, ValueError, TypeError):
        lines = err.decode(errors="replace").strip().splitlines()
        return Finding(False, f"the attack broke: {lines[-1] if lines else 'it printed nothing'}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Plays all attacks, or those whose name contains a word."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="attacks whose name contains this")
    options.add_argument("--list", action="store_true", help="name them, play nothing")
    options.add_argument("--source", type=Path, help="src folder of another commit, whose commands are attacked")
    options.add_argument("--number", type=int, help="play this one here and print its finding as JSON")
    chosen = options.parse_args(arguments)
    if chosen.number is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(ATTACKS[chosen.number].play(Path(folder))))  # noqa: T201
        return 0
    if chosen.source is not None:
        os.environ["TALKPATH_ATTACKED"] = str(chosen.source.resolve())
    numbers = [number for number, attack in enumerate(ATTACKS) if chosen.only in attack.name]
    if chosen.list:
        print("\n".join(ATTACKS[number].name for number in numbers))  # noqa: T201
        return 0
    began_s, broken = time.monotonic(), 0
    print("| part | attack | bound | measured | |\n|---|---|---|---|---|", flush=True)  # noqa: T201
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, finding in zip(numbers, pool.map(play_attack, numbers), strict=True):
            attack = ATTACKS[number]
            broken += not finding.holds
            verdict = "holds" if finding.holds else "**BROKEN**"
            cells = PARTS[attack.name], attack.name, attack.bound, finding.measured, verdict
            print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201
    print(f"\n{len(numbers) - broken} of {len(numbers)} hold, {time.monotonic() - began_s:.0f} s")  # noqa: T201
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
