"""What each command does on a system that lacks what Windows, macOS or Android lack: a row a command, as a table.

    .venv/bin/python scripts/machines_table.py [--beside COMMIT]

The systems are tests/factories/machines/lacking.py's, which says what that cannot show; the commands are those of
tests/cli/test_machines.py. Windows prints by code page 1251. The last row is a check on loopback: whether its evidence
is there at the end. With --beside the same is told of another commit's sources.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench"), str(ROOT / "tests" / "cli")]
SYSTEMS = ("windows", "macos", "android")


def outcome(done: subprocess.CompletedProcess[bytes]) -> str:
    """In a word or two."""
    if b"Traceback" in done.stderr:
        return f"**crash: {done.stderr.decode(errors='replace').strip().splitlines()[-1].split(':')[0]}**"
    return "runs" if done.returncode == 0 else f"exit {done.returncode}, with a sentence"


def table(source: Path) -> list[str]:
    """Its rows, for those sources."""
    from factories.networks.local_responder import FarEnd

    machines = import_module("test_machines")
    os.environ["PYTHONPATH"] = str(source)
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        bundle = folder / "run.talkpath"
        lab = ["lab", "run", "--apps", "webrtc", "-k", "4", "--restrict", "media.drop,p=0.4", "-o", str(bundle)]
        subprocess.run([sys.executable, "-m", "talkpath", *lab], capture_output=True, check=True)
        for command, (first, *_) in machines.COMMANDS.items():
            arguments = [command, *machines.filled(first, bundle, folder)]
            cells = [outcome(machines.on(system, *arguments)) for system in SYSTEMS]
            rows.append(f"| `{' '.join([command, *first[:1]])}` | {' | '.join(cells)} |")
        cells = []
        with FarEnd(folder) as far:
            for system in SYSTEMS:
                kept = folder / f"{system}.talkpath"
                done = machines.on(system, "check", far.link, "--app", "webrtc", "-o", str(kept))
                cells.append(f"{outcome(done)}, evidence {'kept' if kept.exists() else '**lost**'}")
        rows.append(f"| a check on loopback | {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Print the tables."""
    with import_module("beside").sources() as each:
        for name, source in each:
            head = f"| {name} | {' | '.join(SYSTEMS)} |\n|---|{'---|' * len(SYSTEMS)}"
            sys.stdout.write("\n".join([head, *table(source), "", ""]))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
