"""The demo as text: a table for each scene, the order compared with it, the ground truth, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec.structs import asdict
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talkpath.lab.demo.comparison import ResultTally
from talkpath.lab.demo.own_scene import PlayedOwnScene
from talkpath.lab.demo.play import DemoResult, PlayedScene, driver_words
from talkpath.report import joined_report
from talkpath.report.check_text import STYLES
from talkpath.report.pictures.app_matrix import MATRIX_MEDIA, AppCell, MatrixRow, matrix_rows
from talkpath.report.pictures.check_page import simulation_mark, still_carried
from talkpath.report.words import sentences
from talkpath.report.words.amounts import megabytes, seconds
from talkpath.report.words.language import count, listed, say

OUTCOME_STYLES = {"supported": "green", "contradicted": "bold red", "could not tell": "dim"}
MATRIX_WIDTHS = 17, 22


def next_steps(program: str = "talkpath") -> list[tuple[str, str]]:
    """(command, what it does); `program` is the name of our program in this shell."""
    return [
        (
            f"{program} check LINK",
            say("demo", "the same check on a real network, against a test server that agreed to take part"),
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
    """The whole text, most important lines first. `folder` and `program` as one types them here."""
    title = say(
        "demo",
        "A made-up country inside this computer: four scenes. Three are each a `talkpath check --video` with one "
        "variant for each app, and messages tried too; the fourth is a `talkpath check --own` of one app.",
    )
    steps = next_steps(program)
    scenes = chain.from_iterable(_scene_lines(played) for played in performance.played)
    written = say(
        "demo", "Written to {folder}: report.html, demo.json, and each scene's facts, to judge again:", folder=folder
    )
    return Group(
        Text.assemble((simulation_mark(), "bold reverse"), f"  {title}"),
        *scenes,
        *_own_scene(performance.own),
        *_claim_lines(performance),
        Text(truth_sentence(performance.tally)),
        Text(f"\n{written}"),
        Text(f"  {program} judge {folder}/{performance.played[-1].scene.id}.talkpath"),
        Text(say("demo", "Next:")),
        _column_lines(
            ((Text(command), Text(what)) for command, what in steps), 1 + max(len(command) for command, _ in steps)
        ),
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


# -- a scene -----------------------------------------------------------------------------------------------------


def _scene_lines(played: PlayedScene) -> Iterator[RenderableType]:
    scene = played.scene
    yield Text.assemble(
        (f"{scene.told_title}. ", "bold"), say("scene", scene.story), (f" ({how_played(played)})", "dim")
    )
    for note in played.notes:
        yield Text(f"  {note}", style="yellow")
    yield _column_lines(_matrix_lines(matrix_rows(played.verdicts, played.written["transports"])), *MATRIX_WIDTHS)


def _matrix_lines(matrix: Sequence[MatrixRow]) -> Iterator[tuple[Text, ...]]:
    """A line for each group of apps and media with the same verdict."""
    groups: dict[tuple[object, ...], list[MatrixRow]] = {}
    for row in matrix:
        key = tuple((medium, row.cells[medium].summary_key) for medium in _media_words(row.cells))
        groups.setdefault(key, []).append(row)
    for group in groups.values():
        every = count("demo", "the app", "all {number} apps", len(group))
        names = listed(row.name for row in group) if len(group) < len(matrix) else every
        for media in _are_alike(group[0].cells):
            told = [row.cells[medium] for row in group for medium in media]
            text = _cell_words(told[0], _known_at_words([cell.known_s for cell in told], by=len(group) > 1))
            yield Text(names), Text(listed(map(sentences.medium_word, media))), text
            names = ""


def _media_words(cells: Mapping[str, AppCell]) -> list[str]:
    return [medium for medium in MATRIX_MEDIA if medium in cells]


def _are_alike(cells: Mapping[str, AppCell]) -> list[list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for medium in _media_words(cells):
        groups.setdefault(cells[medium].summary_key, []).append(medium)
    return list(groups.values())


def _known_at_words(times: Sequence[float | None], *, by: bool) -> str:
    """When the verdicts were known: for one app by medium, for several when the last was known."""
    known = [time for time in times if time is not None]
    if by and known:
        return say("demo", "known by {seconds}", seconds=seconds(max(known)))
    return say("table", "known after {seconds}", seconds=listed(map(seconds, known))) if known else ""


def _cell_words(cell: AppCell, when: str) -> Text:
    text = Text(f"{cell.mark} {cell.label}", style=STYLES[cell.state])
    text.append(listed(["", when]) if when else "", style="default")
    for part in (cell.how, still_carried(cell)):
        text.append(say("list", "; ") + part if part else "", style="default")
    return text


def _own_scene(own: PlayedOwnScene) -> Iterator[RenderableType]:
    """The scene about an app's own addresses: one table of both means, and the sentence that joins them."""
    how = listed([seconds(own.seconds, 0), driver_words("sim")])
    yield Text.assemble((f"{own.scene.told_title}. ", "bold"), say("scene", own.scene.story), (f" ({how})", "dim"))
    yield Padding(joined_report.joined_table(own.joined), (0, 0, 0, 2))
    for line in own.sentences:
        yield Padding(Text(line), (0, 0, 0, 2))


# -- the order ---------------------------------------------------------------------------------------------------


def _claim_lines(performance: DemoResult) -> Iterator[RenderableType]:
    yield Text(say("demo", "The order, held against what was measured in this made-up country:"), style="bold")
    lines = (
        (
            Text(say("demo", "“{words}”", words=say("scene", held.words))),
            Text(claim_outcome_words(held.outcome), style=OUTCOME_STYLES[held.outcome]),
            Text(performance.because(held)),
        )
        for held in performance.claims
    )
    yield _column_lines(lines, 28, 14)


def _column_lines(lines: Iterator[tuple[Text, ...]], *widths: int) -> Table:
    """Columns of these widths and one for the rest, indented by one."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    for width in widths:
        grid.add_column(width=width)
    grid.add_column(ratio=1)
    for line in lines:
        grid.add_row("", *line)
    return grid
