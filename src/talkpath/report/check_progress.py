"""Progress of a check on stderr: what is being measured now, what arrived so far, and how much was sent."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from talkpath.conduct.request import Observer
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.report.words.amounts import megabytes
from talkpath.report.words.language import say
from talkpath.report.words.other_checks import family_asked, second_asked, server_try_line
from talkpath.report.words.sentences import app_name_of, medium_word
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.question import COMPARING, LongCalls

SIDE_BY_SIDE_QUESTIONS: Final = (*COMPARING, LongCalls)
"""Questions whose calls and control traffic leave side by side."""


def question_in_words(question: str) -> str:
    """A kind of question in words; its code where it has none."""
    words = {
        "baseline": say("progress", "calls beside control traffic"),
        "watch": say("progress", "watching calls for longer"),
        "long": say("progress", "calls that last through the check"),
        "quiet": say("progress", "calls that last through the check"),
        "rate": say("progress", "the same at another rate"),
        "hello": say("progress", "another handshake"),
        "tcp": say("progress", "TCP beside UDP"),
        "transport": say("progress", "what still gets through"),
        "relay": say("progress", "calls that your TURN servers relay"),
        "hops": say("progress", "where on the path"),
    }
    return words.get(question, question)


@dataclass(slots=True)
class Arrivals:
    """How many packets of an app's calls, and of the control traffic beside them, were sent and have arrived."""

    sent: dict[str, int] = field(default_factory=lambda: {"call": 0, "twin": 0})
    arrived: dict[str, int] = field(default_factory=lambda: {"call": 0, "twin": 0})

    def add(self, epoch: Epoch) -> None:
        """Count one more epoch's packets, both directions."""
        for flow in epoch.flows:
            self.sent[flow.role] += int.from_bytes(flow.sent).bit_count()
            self.arrived[flow.role] += int.from_bytes(flow.arrived).bit_count()

    def text(self) -> str:
        """Both shares; empty before anything was sent of either."""
        if not all(self.sent.values()):
            return ""
        call, twin = (100 * self.arrived[role] // self.sent[role] for role in ("call", "twin"))
        return say("progress", "arrived so far: calls {call} %, control traffic {twin} %", call=call, twin=twin)


class CheckProgressBar:
    """A bar over the byte budget on a terminal, plain lines elsewhere. A context manager, which gives the observer of
    the check."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._plan = console, plan
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            TextColumn("{task.fields[sent]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(say("progress", "connecting"), total=plan.budget_bytes, sent="")
        self._last = ""
        self._counted = 0
        self._arrivals: defaultdict[str, Arrivals] = defaultdict(Arrivals)

    def __enter__(self) -> Observer:
        self._bar.start()
        return Observer(
            question_asked=self._question_asked,
            epoch_ended=self._epoch_ended,
            server_tried=lambda *tried: self._print(server_try_line(*tried)),
            second_server_asked=lambda: self._print(second_asked()),
            other_family_asked=lambda family: self._print(family_asked(family)),
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._bar.update(self._task, completed=self._plan.budget_bytes)  # less is used where less must be asked
        self._bar.stop()

    def _epoch_ended(self, facts: Facts) -> None:
        """Show how much was sent."""
        done = facts.bytes_sent + facts.bytes_received
        self._bar.update(self._task, completed=done, sent=megabytes(done))
        for epoch in facts.epochs[self._counted :]:
            if isinstance(epoch.question, SIDE_BY_SIDE_QUESTIONS):
                self._arrivals[epoch.app].add(epoch)
        self._counted = len(facts.epochs)

    def _question_asked(self, facts: Facts, planned: PlannedEpoch) -> None:
        """Show what is measured now, and what arrived so far of the same app's calls."""
        self._epoch_ended(facts)
        arm = planned.arm
        text = f"{app_name_of(arm.app)} {medium_word(arm.medium)}: {question_in_words(planned.question.kind)}"
        self._bar.update(self._task, description=f"{text}\n{self._arrivals[arm.app].text()}".strip())
        if text != self._last and not self._console.is_terminal:
            self._console.print(text, style="dim", highlight=False, markup=False)
        self._last = text

    def _print(self, sentence: str) -> None:
        self._console.print(f"talkpath: {sentence}", soft_wrap=True, highlight=False, markup=False)
