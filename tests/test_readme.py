"""README shows what the demo prints, and README and docs name commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

from talkpath.cli import cli
from talkpath.lab.demo.script import read_script

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DATED = ROOT / "docs/why"  # notes of their day
COLUMNS = 110
NUMBERS = {3: "three", 4: "four"}


def demo_block() -> list[str]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", page, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_the_demo_s_block_is_one_of_its_runs() -> None:
    """Marked as simulated, every scene in order, the count of right and false verdicts at the end."""
    lines = demo_block()
    text = " ".join(" ".join(lines).split())
    assert lines[0].startswith("SIMULATED")
    assert max(map(len, lines)) <= COLUMNS
    script = read_script()
    at = [text.index(f" {scene.title}. {scene.story} (") for scene in (*script.scenes, script.own)]
    assert at == sorted(at)
    assert f" {NUMBERS[len(at)]} scenes. {NUMBERS[len(script.scenes)].capitalize()} are each a `talkpath check" in text
    counts = re.search(r"(\d+) of (\d+) restrictions named right; (\d+) of (\d+) verdicts", text)
    assert counts is not None
    named, restrictions, false, verdicts = map(int, counts.groups())
    assert (named, false) == (restrictions, 0)
    assert verdicts > 50


def test_why_it_exists_comes_first() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    start = page[: page.index("make demo")]
    assert "August 2025" in start
    assert "docs/article.md" in start


def test_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z -]*?):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = {name for line in targets for name in line.split()}
    cited = {
        (path.name, name)
        for path in PAGES
        if DATED not in path.parents
        for text in re.findall(r"(?:`|^ {4})make ((?:[a-z][a-z-]* ?)+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for name in text.split()
    }
    assert len(cited) > 20
    assert {(page, name) for page, name in cited if name not in known} == set()


def test_commands_that_pages_name_exist() -> None:
    commands = set(cli.list_commands(None))  # type: ignore[arg-type]
    cited = {
        (path.name, name)
        for path in PAGES
        for name in re.findall(r"(?:`|^ {4})talkpath ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(cited) > 20
    assert {(page, name) for page, name in cited if name not in commands} == set()
