"""README shows what the demo prints, and README and docs name commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click

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


def unknown_options(line: str) -> list[str]:
    """The options of a command line that its command does not have."""
    words, command = line.split(), cli
    context = click.Context(command)
    while words and isinstance(command, click.Group) and (below := command.get_command(context, words[0])):
        words, command, context = words[1:], below, click.Context(below, parent=context)
    known = {name for one in command.get_params(context) for name in (*one.opts, *one.secondary_opts)}
    return [word for word in words if re.match("--?[a-z]", word) and word.partition("=")[0] not in known]


def test_options_that_pages_give_exist() -> None:
    assert unknown_options("lab run --driver sim --drivers=sim") == ["--drivers=sim"]
    form = r"(?:`|^ {4})(?:\.venv/bin/)?talkpath ([^`\n#|>]+)"
    cited = [
        (path.name, line)
        for path in PAGES
        if DATED not in path.parents
        for line in re.findall(form, path.read_text(encoding="utf-8").replace("\\\n", ""), re.MULTILINE)
    ]
    assert len(cited) > 100
    assert [(page, line) for page, line in cited if unknown_options(line)] == []
