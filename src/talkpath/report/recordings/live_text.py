"""Shows a stream's calls on a terminal while they go on: a table, their latest seconds, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from talkpath.capture.live.live_picture import LiveCall, LivePicture
from talkpath.measure.call import RecordedDirection
from talkpath.report.recordings import capture_sentences
from talkpath.report.recordings.capture_text import call_timeline
from talkpath.report.recordings.clock import RecordingClock
from talkpath.report.recordings.live_json import silence_words, what_to_do_now
from talkpath.report.words import sentences
from talkpath.report.words.amounts import percent, seconds
from talkpath.report.words.language import count, say

NARROWEST, MARGIN = 10, 20
MAX_SHOWN_CALLS = 5
"""So many calls are shown, the latest."""


def live_view(picture: LivePicture, width: int, apps: Sequence[str] = ()) -> RenderableType:
    """Return the whole view of one moment. `apps` are those in which a call is wanted, none for any."""
    clock = RecordingClock(picture.begun_ns, picture.now_s)
    parts: list[RenderableType] = []
    shown = picture.calls[-MAX_SHOWN_CALLS:]
    if shown:
        parts.append(_live_table(picture, clock))
    for call in shown:
        if not call.has_ended(picture.now_s):
            strip = max(width - MARGIN, NARROWEST)
            parts += [call_timeline(call.moments[-strip:], direction, strip) for direction in ("sent", "received")]
    came = count("unit", "{number} packet", "{number} packets", picture.packets)
    parts.append(Text(came, style="dim"))
    parts.append(Text(what_to_do_now(picture, apps), style="bold"))
    return Group(*parts)


def _live_table(picture: LivePicture, clock: RecordingClock) -> Table:
    grid = Table(box=None, pad_edge=False)
    lost = say("table", "lost")
    titles = (
        "",
        say("table", "app"),
        say("table", "medium"),
        say("table", "begins"),
        say("table", "lasts"),
        f"{capture_sentences.direction_word('sent')}, {lost}",
        f"{capture_sentences.direction_word('received')}, {lost}",
        say("listen", "now"),
    )
    for title in titles:
        grid.add_column(title)
    for call in picture.calls[-MAX_SHOWN_CALLS:]:
        grid.add_row(*_live_row(call, picture.now_s, clock))
    return grid


def _live_row(call: LiveCall, now_s: float, clock: RecordingClock) -> tuple[str | Text, ...]:
    return (
        str(call.number),
        capture_sentences.app_name(call.app, call.app_confidence),
        " + ".join(map(sentences.medium_word, call.media)),
        clock.at(call.start_s),
        seconds(call.end_s - call.start_s, 0),
        _lost_so_far(call, "sent"),
        _lost_so_far(call, "received"),
        Text(silence_words(call, now_s), style="bold red"),
    )


def _lost_so_far(call: LiveCall, direction: RecordedDirection) -> str:
    so_far = call.so_far(direction)
    if so_far.lost is None or not so_far.packets + so_far.lost:
        return "–"
    return percent(so_far.lost / (so_far.packets + so_far.lost), 1)


class LiveScreen:
    """The view on a terminal, drawn anew for each picture; elsewhere a line when what to do changes."""

    def __init__(self, console: Console, apps: Sequence[str] = ()) -> None:
        self._console, self._apps = console, apps
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._last = ""

    def show(self, picture: LivePicture) -> None:
        """Show one moment."""
        if self._console.is_terminal:
            self._live.start()
            self._live.update(live_view(picture, self._console.width, self._apps), refresh=True)
            return
        key = f"{len(picture.running)} {len(picture.calls)} {picture.set_up}"
        if key != self._last:
            self._last = key
            self._console.print(what_to_do_now(picture, self._apps), highlight=False)

    def close(self) -> None:
        """Take the view away, before anything else is printed; `show` brings it back."""
        self._live.stop()
