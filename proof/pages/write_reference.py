"""Writes docs/reference/ from the commands themselves: what `--help` says, a page a command.

    .venv/bin/python -m proof.pages.write_reference

The pages are never edited by hand; tests/proof/pages/test_write_reference.py fails when they are not current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from talkpath.cli._terminal.help import with_every_option

REFERENCE_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
HELP_WIDTH = 100
REFERENCE_NOTE = (
    "<!-- written by proof/pages/write_reference.py: change the command's help, then run `make reference` -->"
)


def command_contexts(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[click.Context]:
    """The command and all below it that are not hidden, in order of name, each in its own context."""
    settings = {"terminal_width": HELP_WIDTH, "max_content_width": HELP_WIDTH, **command.context_settings}
    context = click.Context(command, parent, info_name=name, **settings)
    yield context
    if isinstance(command, click.Group):
        for child_name in command.list_commands(context):
            child = command.get_command(context, child_name)
            if child and not child.hidden:
                yield from command_contexts(child, child_name, context)


def file_name(context: click.Context) -> str:
    """`talkpath lab run` is told in lab-run.md."""
    return "-".join(context.command_path.split()[1:]) + ".md"


def command_page(context: click.Context) -> str:
    """One command's page: exactly what its --help prints, with every option."""
    return f"# {context.command_path}\n\n{REFERENCE_NOTE}\n\n```text\n{with_every_option(context)}\n```\n"


def reference_index(root: click.Context, pages: list[click.Context]) -> str:
    """The first page: the command itself, and a line for each command below it."""
    lines = [
        f"- [`{context.command_path}`]({file_name(context)}): {context.command.get_short_help_str(HELP_WIDTH)}"
        for context in pages
    ]
    return command_page(root) + "\n" + "\n".join(lines) + "\n"


def reference_pages(command: click.Command, name: str) -> dict[str, str]:
    """File name to text, for the whole tree."""
    root, *below = command_contexts(command, name)
    pages = [context for context in below if not isinstance(context.command, click.Group)]
    return {"README.md": reference_index(root, pages)} | {
        file_name(context): command_page(context) for context in pages
    }


def write_pages(pages: dict[str, str], folder: Path) -> None:
    """Makes the folder hold these pages and no other."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Write a page for each command, from its help."""
    from talkpath.cli import cli

    write_pages(reference_pages(cli, "talkpath"), REFERENCE_FOLDER)
    sys.stderr.write(f"wrote {REFERENCE_FOLDER}\n")


if __name__ == "__main__":
    main()
