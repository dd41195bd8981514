"""The demo in text: a table a scene, the order held against it, the truth of the box, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.lab.demo.held import Tally
from talkpath.lab.demo.play import TELLS, Performance, Played
from talkpath.report.matrix import HEADINGS, MEDIA, Cell, Row, rows
from talkpath.report.text import STYLES

TITLE = "A made-up country inside this computer: three scenes, each one `talkpath check`."
SIMULATED = "SIMULATED"
NEXT = (
    ("talkpath check LINK", "the same check on a real network, against a test server that agreed to take part"),
    ("talkpath respond --invite HOST", "be that test server; prints the link"),
    ("talkpath capture call.pcap", "look into the recording of a call that failed"),
)
OUTCOME_STYLES = {"supported": "green", "contradicted": "bold red", "could not tell": "dim"}
WIDTHS = 17, 22


def summary(performance: Performance, folder: str) -> RenderableType:
    """All of it; the first lines tell the most."""
    scenes = chain.from_iterable(_scene(played) for played in performance.played)
    return Group(
        Text.assemble((SIMULATED, "bold reverse"), f"  {TITLE}"),
        *scenes,
        *_claims(performance),
        Text(truth_sentence(performance.tally)),
        Text(f"\nWritten to {folder}: report.html, demo.json, and each scene's facts, to judge again:"),
        Text(f"  talkpath judge {folder}/{performance.played[-1].scene.id}.talkpath"),
        Text("Next:"),
        _grid(((Text(command), Text(what)) for command, what in NEXT), 31),
    )


def truth_sentence(tally: Tally) -> str:
    """What the box knows and no check was told."""
    undecided = f", {tally.undecided} could not tell" if tally.undecided else ""
    return (
        f"The truth of the box: {tally.named} of {tally.restrictions} restrictions named right; "
        f"{tally.false} of {tally.verdicts} verdicts false{undecided}."
    )


def how_played(played: Played) -> str:
    """On what, how long."""
    sent = (played.facts.bytes_sent + played.facts.bytes_received) / 1e6
    seconds = played.facts.duration_s if played.driver == "sim" else played.seconds
    return f"{seconds:.0f} s, {sent:.1f} MB, {TELLS[played.driver]}"


# -- a scene -----------------------------------------------------------------------------------------------------


def _scene(played: Played) -> Iterator[RenderableType]:
    scene = played.scene
    yield Text.assemble((f"{scene.title}. ", "bold"), scene.story, (f" ({how_played(played)})", "dim"))
    for note in played.notes:
        yield Text(f"  {note}", style="yellow")
    yield _grid(_lines(rows(played.verdicts, played.written["transports"])), *WIDTHS)


def _lines(matrix: Sequence[Row]) -> Iterator[tuple[Text, ...]]:
    """A line for each group of apps and media of which the same is said."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in matrix:
        groups.setdefault(tuple((medium, row.cells[medium].says) for medium in _media(row.cells)), []).append(row)
    for group in groups.values():
        names = ", ".join(row.name for row in group) if len(group) < len(matrix) else f"all {len(group)} apps"
        for media in _alike(group[0].cells):
            told = [row.cells[medium] for row in group for medium in media]
            text = _told(told[0], _when([cell.known_s for cell in told], by=len(group) > 1))
            yield Text(names), Text(", ".join(HEADINGS[medium] for medium in media)), text
            names = ""


def _media(cells: Mapping[str, Cell]) -> list[str]:
    return [medium for medium in MEDIA if medium in cells]


def _alike(cells: Mapping[str, Cell]) -> list[list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for medium in _media(cells):
        groups.setdefault(cells[medium].says, []).append(medium)
    return list(groups.values())


def _when(times: Sequence[float | None], *, by: bool) -> str:
    """When it was known: of one app for each medium, of several when of all."""
    known = [f"{time:.1f}" for time in times if time is not None]
    if by and known:
        return f"by {max(known, key=float)} s"
    return f"after {' and '.join(known)} s" if known else ""


def _told(cell: Cell, when: str) -> Text:
    text = Text(f"{cell.mark} {cell.label}", style=STYLES[cell.state])
    text.append(f", {when}" if when else "", style="default")
    for part in (cell.how, f"still carried by {cell.carried}" if cell.carried else ""):
        text.append(f"; {part}" if part else "", style="default")
    return text


# -- the order ---------------------------------------------------------------------------------------------------


def _claims(performance: Performance) -> Iterator[RenderableType]:
    yield Text.assemble(("The order, held against what was measured in this made-up country:", "bold"))
    lines = (
        (
            Text(f'"{held.words}"'),
            Text(held.outcome, style=OUTCOME_STYLES[held.outcome]),
            Text(performance.because(held)),
        )
        for held in performance.claims
    )
    yield _grid(lines, 28, 14)


def _grid(lines: Iterator[tuple[Text, ...]], *widths: int) -> Table:
    """Columns of these widths and one for the rest, a little to the right."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    for width in widths:
        grid.add_column(width=width)
    grid.add_column(ratio=1)
    for line in lines:
        grid.add_row("", *line)
    return grid
