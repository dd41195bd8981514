"""`python -m proof`: the commands that measure how often talkpath is wrong."""

from __future__ import annotations

import click

from proof.locating import locate_command
from proof.paired_calls import paired_command
from proof.recorded_shapes import shapes_command
from proof.score import score_command
from proof.untaught_calls import untaught_command
from proof.written_rules import rules_command
from talkpath.cli import main


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def proof_commands() -> None:
    """Measure how often talkpath is wrong, in networks whose truth is known."""


proof_commands.add_command(score_command)
proof_commands.add_command(locate_command)
proof_commands.add_command(paired_command)
proof_commands.add_command(rules_command)
proof_commands.add_command(shapes_command)
proof_commands.add_command(untaught_command)

if __name__ == "__main__":
    main(proof_commands)
