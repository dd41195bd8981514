"""README shows what the demo prints, and README and docs name commands that exist."""

from __future__ import annotations

import re
import tomllib
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
    at = [text.index(f" {scene.title}. {scene.story} (") for scene in script.scenes]
    at.append(text.index(f" {script.own.title}. "))
    assert at == sorted(at)
    assert f" {NUMBERS[len(at)]} scenes." in text
    assert len(lines) <= 25
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
    context = click.Context(command, **command.context_settings)
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


def drawn_rooms() -> list[list[str]]:
    """The rooms of each line of the drawing in docs/design.md."""
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    drawing = page[page.index("## 7. The rooms") :].split("```")[1]
    folders = {path.name for path in (ROOT / "src/talkpath").iterdir() if path.is_dir()} | {"errors"}
    lines = drawing.split("\nproof")[0].splitlines()[1:]
    starts = [re.findall(r"(?:^|\s{2,})([a-z]+)\s{2,}", line) for line in lines if not line.startswith(" ")]
    return [[name for name in line if name in folders] for line in starts]


def test_the_house_is_drawn_once_and_holds_every_room() -> None:
    rooms = [name for line in drawn_rooms() for name in line]
    folders = {path.name for path in (ROOT / "src/talkpath").iterdir() if (path / "__init__.py").exists()}
    assert sorted(rooms) == sorted(folders | {"errors"})
    assert "experiment   " not in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_drawing_has_the_order_that_imports_have() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = [layer.replace(" ", "").split("|") for layer in contracts[0]["layers"]]
    height = {room: number for number, layer in enumerate(reversed(layers)) for room in layer}
    order = [height[line[0]] for line in drawn_rooms() if line]
    assert order == sorted(order)


def test_how_to_install_comes_before_what_is_printed() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page.index("make core") < page.index("<!-- demo -->")
    assert page[: page.index("make core")].count("\n") < 20


def test_every_extra_s_weight_is_told() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in extras if f"`[{name}]`" not in page] == []


def test_every_decision_stands_under_its_subject_once() -> None:
    page = (DATED / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((2[\w-]+\.md)\)", page)) == sorted(path.name for path in DATED.glob("2*.md"))
    assert page.count("\n## ") >= 5
