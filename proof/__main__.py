"""`python -m proof`: the commands that measure how often talkpath is wrong."""

from __future__ import annotations

import click

from proof.locating import locate
from proof.score import score
from talkpath.cli import main


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def proof() -> None:
    """Measure how often talkpath is wrong, in networks whose truth is known."""


proof.add_command(score)
proof.add_command(locate)

if __name__ == "__main__":
    main(proof)
