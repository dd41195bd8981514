"""The demo as text: a few lines for each scene, the order compared with them, the ground truth, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as replace_cell
from itertools import chain

from msgspec.structs import asdict, replace
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.lab.demo.comparison import ResultTally
from talkpath.lab.demo.play import DemoResult, PlayedOwnScene, PlayedScene, driver_words
from talkpath.report.check_text import STYLES
from talkpath.report.pictures.app_matrix import MATRIX_MEDIA, AppCell, MatrixRow, matrix_rows
from talkpath.report.pictures.check_page import simulation_mark
from talkpath.report.words import sentences
from talkpath.report.words.amounts import megabytes, seconds
from talkpath.report.words.language import count, listed, say

OUTCOME_STYLES = {"supported": "green", "contradicted": "bold red", "could not tell": "dim"}


def next_steps(program: str = "talkpath") -> list[tuple[str, str]]:
    """(command, what it does); `program` is the name of our program in this shell."""
    return [
        (
            f"{program} check LINK",
            say("demo", "the same check on a real network"),
        ),
        (f"{program} respond --invite HOST", say("demo", "be that test server; prints the link")),
        (f"{program} capture call.pcap", say("demo", "look into the recording of a call that failed")),
    ]


def claim_outcome_words(code: str) -> str:
    """The state of a claim, in words."""
    return {
        "supported": say("claim", "supported"),
        "contradicted": say("claim", "contradicted"),
        "could not tell": say("claim", "could not tell"),
    }[code]


def demo_summary(performance: DemoResult, folder: str, program: str = "talkpath") -> RenderableType:
    """The whole text, in 25 lines of 100 characters; what is left out is on the page. `folder` and `program` as one
    types them here."""
    title = say("demo", "A made-up country inside this computer: four scenes.")
    written = say(
        "demo", "Written to {folder}: report.html, demo.json, and each scene's facts, to judge again:", folder=folder
    )
    return Group(
        Text.assemble((simulation_mark(), "bold reverse"), f"  {title}"),
        *chain.from_iterable(_scene_lines(played) for played in performance.played),
        _own_scene(performance.own),
        _claims(performance),
        Text(truth_sentence(performance.tally)),
        Text(written),
        Text(f"  {program} judge {folder}/{performance.played[-1].scene.id}.talkpath"),
        _next_steps(next_steps(program)),
        *(Text(note, style="dim") for note in [sentences.translation_note()] if note),
    )


def truth_sentence(tally: ResultTally) -> str:
    """How the verdicts compare with the ground truth, in one sentence."""
    return say(
        "demo",
        "Ground truth: {named} of {restrictions} restrictions named right; {false} of {verdicts} verdicts "
        "false, {undecided} could not tell.",
        **asdict(tally),
    )


def how_played(played: PlayedScene) -> str:
    """Driver, bytes and duration of a scene, in words."""
    sent = megabytes(played.facts.bytes_sent + played.facts.bytes_received)
    took_s = played.facts.duration_s if played.driver == "sim" else played.seconds
    return listed([seconds(took_s, 0), sent, driver_words(played.driver)])


def _scene_lines(played: PlayedScene) -> Iterator[Text]:
    """The scene, and a line for each group of apps and media with the same verdict."""
    scene = played.scene
    yield Text.assemble(
        (f"{scene.told_title}. ", "bold"), say("scene", scene.story), (f" ({how_played(played)})", "dim")
    )
    verdicts = [replace(verdict, parameters={}) for verdict in played.verdicts]
    matrix = matrix_rows(verdicts)
    groups: dict[tuple[tuple[str, ...], AppCell], list[MatrixRow]] = {}
    for row in matrix:
        cells = {medium: replace_cell(row.cells[medium], known_s=None, watched="") for medium in MATRIX_MEDIA}
        for cell in dict.fromkeys(cells.values()):
            media = tuple(medium for medium in MATRIX_MEDIA if cells[medium] == cell)
            groups.setdefault((media, cell), []).append(row)
    for (media, cell), rows in groups.items():
        every = count("demo", "the app", "all {number} apps", len(rows))
        names = listed(row.name for row in rows) if len(rows) < len(matrix) else every
        whose = f"{names} ({listed(map(sentences.medium_word, media))})"
        line = Text.assemble(f" {cell.mark} ", (cell.label, STYLES[cell.state]), f": {whose}")
        yield line.append(say("list", "; ") + cell.how if cell.how else "")


def _own_scene(own: PlayedOwnScene) -> Text:
    """The scene about an app's own addresses: the sentence that joins both means."""
    return Text.assemble((f"{own.scene.told_title}. ", "bold"), " ".join(own.sentences))


def _claims(performance: DemoResult) -> Text:
    """The words of the order, each with what became of it."""
    text = Text(say("demo", "The order against what was measured:"), style="bold")
    for number, held in enumerate(performance.claims):
        words = say("demo", "“{words}”", words=say("scene", held.words))
        text.append(f"{say('list', '; ') if number else ' '}{words} ", style="not bold")
        text.append(claim_outcome_words(held.outcome), style=f"not bold {OUTCOME_STYLES[held.outcome]}")
    return text


def _next_steps(steps: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for number, (command, what) in enumerate(steps):
        grid.add_row("" if number else say("demo", "Next:"), command, what)
    return grid
