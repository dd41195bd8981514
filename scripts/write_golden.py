"""Write tests/golden/ again: what `talkpath capture` says of small recordings of our own, whole: JSON, text and HTML.

    python scripts/write_golden.py       # `make golden`; then read the difference before you commit it

A test compares them byte by byte (tests/report/recordings/test_golden.py): no change of what people and programs
read goes in unseen.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from click.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS, GOLDEN = ROOT / "tests" / "capture" / "lab", ROOT / "tests" / "golden"
NAMES = ("voice", "drop30-up", "freeze", "stun-drop", "hello-drop", "ge-far")
SAME_EVERYWHERE = {"COLUMNS": "100", "LANGUAGE": "en", "NO_COLOR": "1", "TZ": "UTC"}


def golden_files(name: str) -> dict[str, str]:
    """File name -> text of what is said of a recording, on a terminal of 100 columns in UTC."""
    recording = str(RECORDINGS / f"{name}.pcap.gz")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        text = _printed("capture", recording, "--html", str(page))
        html = page.read_text(encoding="utf-8")
    record = json.loads(_printed("capture", recording, "--json"))
    written = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return {f"{name}.json": written, f"{name}.txt": text, f"{name}.html": html.replace("><", ">\n<")}


def _printed(*argv: str) -> str:
    from talkpath.cli import cli

    before = dict(os.environ)
    os.environ |= SAME_EVERYWHERE
    time.tzset()
    try:
        done = CliRunner().invoke(cli, argv, standalone_mode=False)
    finally:
        os.environ.clear()
        os.environ |= before
        time.tzset()
    if done.exception is not None:
        raise done.exception
    return done.stdout


def main() -> None:
    """Write all of them, and remove what no recording gives any more."""
    GOLDEN.mkdir(exist_ok=True)
    wanted = {file: text for name in NAMES for file, text in golden_files(name).items()}
    for file in GOLDEN.iterdir():
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(wanted)} files in {GOLDEN.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
