"""Progress of the demo on stderr: one line that changes on a terminal, a line every few seconds elsewhere.

It has no thread of its own; a check calls it some times a second.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from talkpath.lab.demo.play import DemoDriver, DemoListener, PlayedScene, driver_words
from talkpath.lab.demo.script import Scene
from talkpath.report.words.amounts import seconds
from talkpath.report.words.language import say

MAX_QUIET_PROGRESS_S = 5.0


class DemoProgress(DemoListener):
    """A context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._begun_s = self._shown_s = time.monotonic()
        self._messages: dict[str, str] = {}

    def __enter__(self) -> DemoProgress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begins(self, scene: Scene, driver: DemoDriver) -> None:
        """A scene begins."""
        self._print(
            say(
                "demo",
                "{scene}: {driver}, about {seconds} at most",
                scene=scene.told_title,
                driver=driver_words(driver),
                seconds=seconds(scene.budget_s + 5, 0),
            )
        )

    def progress(self, scene: Scene, message: str) -> None:
        """Shows the progress of the checks that run."""
        now_s = time.monotonic()
        self._messages[scene.told_title] = message
        told = "; ".join(f"{title}: {said}" for title, said in self._messages.copy().items())
        text = f"{now_s - self._begun_s:3.0f} s  {told}"
        if self._console.is_terminal:
            self._live.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)
        elif now_s - self._shown_s >= MAX_QUIET_PROGRESS_S:
            self._shown_s = now_s
            self._print(text)

    def notes(self, sentence: str) -> None:
        """Shows why a run did not count."""
        self._print(sentence)

    def ends(self, played: PlayedScene) -> None:
        """A scene is over."""
        self._messages.pop(played.scene.told_title, None)
        self._print(
            say(
                "demo",
                "{scene}: done after {seconds}",
                scene=played.scene.told_title,
                seconds=seconds(played.seconds, 0),
            )
        )

    def _print(self, text: str) -> None:
        self._console.print(Text(text), style="dim", soft_wrap=True)
