"""The commands of docs/how-to are run as they stand there, on files and folders that stand in for a reader's own.

Not run are those that take a test server, another host, root or a browser, or that do not end by themselves: what they
do is tested where it is written. Each page's lines run in their order, in one folder.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from factories.checks.dated_bundles import write_dated_bundles
from factories.checks.lab_checks import lab_bundle, lab_check
from factories.machines.terminal import say_talkpath
from talkpath.observatory.server import opened_log

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs/how-to").glob("*.md")), ROOT / "docs/claims.md"]
RECORDINGS = ROOT / "tests/capture/lab"
ON_FILES = ("capture", "claims", "export", "judge", "letter", "report", "scrub", "verify")
ON_FOLDERS = ("observe backup", "observe restore", "observe events my", "listen call.pcap")
TAKES_MORE = ("…", "http", "chrome", "webrtc_internals", "debuglog", "KEY", "|", "demo/", "--jobs")
"""Of a line that is not run: a link, a host, a file that only its reader has, another process."""
LINE = re.compile(r"^ {4}(?:\.venv/bin/)?talkpath ((?:[a-z]+ ?)[^\n]*)$", re.MULTILINE)


def runnable(page: Path) -> list[str]:
    """Its lines that need nothing but files."""
    lines = [line.partition("  #")[0].strip() for line in LINE.findall(page.read_text(encoding="utf-8"))]
    wanted = [line for line in lines if line.split()[0] in ON_FILES or line.startswith(ON_FOLDERS)]
    return [line for line in wanted if not any(mark in line for mark in TAKES_MORE)]


CITED = {page: runnable(page) for page in PAGES if runnable(page)}


@pytest.fixture(scope="module")
def evidence() -> bytes:
    """A bundle of a check that a rule acted on."""
    return lab_bundle(lab_check(5, "clean", "media.drop,app=webrtc,p=0.4"))


def lay_out(folder: Path, lines: list[str], evidence: bytes) -> None:
    """What the lines name and do not make themselves."""
    made: set[str] = set()
    for line in lines:
        words = shlex.split(line)
        made |= {after for word, after in pairwise(words) if word in ("-o", "--html", "--feed")}
        for name in (word for word in words if word not in made and "--" not in word):
            file = folder / name
            if name.startswith("tests/"):  # a checkout's own
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes((ROOT / name).read_bytes())
            elif name.endswith(".talkpath"):
                (folder / name.replace("*", "some")).write_bytes(evidence)
            elif name.endswith((".pcap", ".pcapng")):
                end = "drop30-up-far.pcap.gz" if name.startswith("theirs") else "drop30-up.pcap.gz"
                (folder / name.replace("*", "some")).write_bytes((RECORDINGS / end).read_bytes())
            elif name.endswith("/") or name == "my-country":
                file.mkdir(exist_ok=True)
                write_dated_bundles(file)
                (file / "some.pcap").write_bytes((RECORDINGS / "drop30-up.pcap.gz").read_bytes())


def filled(line: str, folder: Path) -> list[str]:
    """The line's words, with this test's places for those of a server, and names for patterns."""
    back = "restored" if line.startswith("observe restore") else "observatory"
    words = shlex.split(line.replace("/var/lib/talkpath", back).replace("/backup/talkpath", "backup"))
    return [name for word in words for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]


@pytest.mark.parametrize("page", CITED, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_as_they_stand(
    page: Path, evidence: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opened_log(tmp_path / "observatory", simulated=False).close()
    lay_out(tmp_path, CITED[page], evidence)
    for line in CITED[page]:
        done = say_talkpath(*filled(line, tmp_path))
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout or any(word in line for word in (" -o ", "--html ")), line


def test_most_pages_about_files_are_run() -> None:
    assert {"capture", "check-evidence", "run-an-observatory", "claims"} <= {page.stem for page in CITED}
    assert sum(map(len, CITED.values())) >= 20
