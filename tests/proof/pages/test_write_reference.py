"""The reference is what the commands say of themselves, and it is current."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from proof.pages import write_reference


@click.group()
def tree() -> None:
    """The tree itself."""


@tree.command()
@click.argument("file")
@click.option("--loud", is_flag=True, help="Say it twice.")
def bark(file: str, loud: bool) -> None:
    """Bark at FILE."""


@tree.command(hidden=True)
def secret() -> None:
    """Nobody knows."""


@tree.group()
def branch() -> None:
    """A group."""


@branch.command()
def leaf() -> None:
    """A leaf of a branch."""


def test_every_command_that_can_be_seen_has_a_page_and_a_line_in_the_index():
    pages = write_reference.reference_pages(tree, "tree")
    assert sorted(pages) == ["README.md", "bark.md", "branch-leaf.md"]
    assert "Usage: tree bark [OPTIONS] FILE" in pages["bark.md"]
    assert "Say it twice." in pages["bark.md"]
    assert "- [`tree branch leaf`](branch-leaf.md): A leaf of a branch." in pages["README.md"]
    assert "secret" not in "".join(pages.values())


def test_the_pages_do_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch):
    wide = write_reference.reference_pages(tree, "tree")
    monkeypatch.setenv("COLUMNS", "40")
    assert write_reference.reference_pages(tree, "tree") == wide


def test_writing_removes_pages_of_commands_that_are_gone(tmp_path: Path):
    (tmp_path / "gone.md").write_text("old")
    write_reference.write_pages(write_reference.reference_pages(tree, "tree"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "bark.md", "branch-leaf.md"]


def test_the_committed_reference_is_current():
    from talkpath.cli import cli

    pages = write_reference.reference_pages(cli, "talkpath")
    written = {path.name: path.read_text(encoding="utf-8") for path in write_reference.REFERENCE_FOLDER.glob("*.md")}
    assert written == pages, "run `make reference` and commit docs/reference"


def test_every_command_and_option_has_help():
    from talkpath.cli import cli

    for context in write_reference.command_contexts(cli, "talkpath"):
        assert context.command.help, f"{context.command_path} has no help"
        for parameter in context.command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{context.command_path} {parameter.opts[-1]} has no help"


@pytest.mark.parametrize("path", [(), ("lab",), ("observe",)], ids=["talkpath", "lab", "observe"])
def test_no_summary_in_the_list_of_commands_is_cut(path: tuple[str, ...]):
    """At 80 columns, which is what a terminal has when nobody made it wider."""
    from click.testing import CliRunner

    from talkpath.cli import cli

    told = CliRunner(env={"COLUMNS": "80"}).invoke(cli, [*path, "--help"], terminal_width=80).output
    summaries = [line.split(maxsplit=1) for line in told.partition("Commands:\n")[2].splitlines()]
    assert len(summaries) >= 3, "they were found"
    assert [name for name, summary in summaries if not summary.endswith(".") or summary.endswith("...")] == []
