"""Shows a stream's calls on a terminal while they go on: a table, their latest seconds, and what to do now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from talkpath.capture.live.live_call import LiveCall
from talkpath.capture.live.live_picture import LivePicture
from talkpath.measure.call import Heading
from talkpath.report.recordings import capture_sentences
from talkpath.report.recordings.capture_text import timeline
from talkpath.report.recordings.clock import RecordingClock
from talkpath.report.recordings.live_guide import guide, silence
from talkpath.report.words import sentences
from talkpath.report.words.amounts import percent, seconds
from talkpath.report.words.language import count, say

NARROWEST, MARGIN = 10, 20
SHOWN = 5
"""So many calls are shown, the latest."""


def live_view(picture: LivePicture, width: int, apps: Sequence[str] = ()) -> RenderableType:
    """Return the whole view of one moment. `apps` are those in which a call is wanted, none for any."""
    clock = RecordingClock(picture.begun_ns, picture.now_s)
    parts: list[RenderableType] = []
    shown = picture.calls[-SHOWN:]
    if shown:
        parts.append(_table(picture, clock))
    for call in shown:
        if not call.has_ended(picture.now_s):
            strip = max(width - MARGIN, NARROWEST)
            parts += [timeline(call.moments[-strip:], heading, strip) for heading in ("sent", "received")]
    came = count("unit", "{number} packet", "{number} packets", picture.packets)
    parts.append(Text(came, style="dim"))
    parts.append(Text(guide(picture, apps), style="bold"))
    return Group(*parts)


def _table(picture: LivePicture, clock: RecordingClock) -> Table:
    grid = Table(box=None, pad_edge=False)
    lost = say("table", "lost")
    titles = (
        "",
        say("table", "app"),
        say("table", "medium"),
        say("table", "begins"),
        say("table", "lasts"),
        f"{capture_sentences.direction('sent')}, {lost}",
        f"{capture_sentences.direction('received')}, {lost}",
        say("listen", "now"),
    )
    for title in titles:
        grid.add_column(title)
    for call in picture.calls[-SHOWN:]:
        grid.add_row(*_row(call, picture.now_s, clock))
    return grid


def _row(call: LiveCall, now_s: float, clock: RecordingClock) -> tuple[str | Text, ...]:
    return (
        str(call.number),
        capture_sentences.app_name(call.app) + ("" if call.app_confidence >= 0.6 else "?"),
        " + ".join(map(sentences.medium, call.media)),
        clock.at(call.start_s),
        seconds(call.end_s - call.start_s, 0),
        _lost(call, "sent"),
        _lost(call, "received"),
        Text(silence(call, now_s), style="bold red"),
    )


def _lost(call: LiveCall, heading: Heading) -> str:
    so_far = call.so_far(heading)
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
            self._console.print(guide(picture, self._apps), highlight=False)

    def close(self) -> None:
        """Take the view away, before anything else is printed; `show` brings it back."""
        self._live.stop()
