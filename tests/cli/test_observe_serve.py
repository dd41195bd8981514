"""`talkpath observe serve` where a part of it is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(("starlette", "uvicorn", "jinja2", "chdb")))  # as after `make core`
from talkpath.cli import main
main()
"""


def test_what_a_small_installation_lacks_is_told_in_a_sentence(tmp_path: Path) -> None:
    """After `make core`, the README's first command, it was a traceback that named a module."""
    line = [sys.executable, "-c", WITHOUT, "observe", "serve", "--data", str(tmp_path / "observatory")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("talkpath: The observatory needs talkpath[observatory]")
    assert not (tmp_path / "observatory").exists()
