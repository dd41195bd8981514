"""What a check gives: the facts that both ends measured, the verdicts that follow from them, and the evidence file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkpath.measure.facts import Facts
    from talkpath.verdict.model import Verdict
    from talkpath.wire.control.keys import Signer

PAGE_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check, on a network or in the lab."""

    verdicts: tuple[Verdict, ...]
    """One verdict for each app and medium."""

    record: dict[str, Any]
    """The JSON object that `talkpath check --json` prints (spec/tp-004)."""

    facts: Facts = field(repr=False)
    """Everything that was measured. The verdicts are computed from it alone."""

    signer: Signer = field(repr=False)
    """The key of this check, which signs its bundle."""

    second: Result | None = field(default=None, repr=False)
    """The check with a second test server, where one was asked. It changes no verdict of this one."""

    @classmethod
    def of(
        cls,
        facts: Facts,
        signer: Signer,
        truth: Sequence[dict[str, Any]] | None = None,
        second: Result | None = None,
    ) -> Result:
        """Judge the facts. `truth`: what the lab restricted, where a lab made the network."""
        from talkpath.report.check_json import judge_check

        verdicts, record = judge_check(facts, truth, second.facts if second else None)
        return cls(verdicts=tuple(verdicts), record=record, facts=facts, signer=signer, second=second)

    @property
    def measured(self) -> bool:
        """Did both ends measure at least one epoch? If not, no verdict says anything about calls."""
        return any(not epoch.missing for epoch in self.facts.epochs)

    @property
    def ended(self) -> str:
        """A sentence on why the check ended early, or "" where it ended as planned."""
        from talkpath.report.words.endings import ending_words

        return ending_words(self.facts.health.ended, self.facts.reach, measured=self.measured)

    @property
    def has_receipt(self) -> bool:
        """Did the test server sign what it saw of this check?"""
        from talkpath.evidence.bundle import has_receipt

        return has_receipt(self.facts, self.signer)

    @property
    def has_known_server(self) -> bool:
        """Is it known who runs the test server? If not, a restriction may be the server's own doing."""
        from talkpath.evidence.known_responders import has_known_server

        return has_known_server(self.facts)

    def text(self) -> str:
        """The result as `talkpath check` prints it, without colours."""
        from rich.console import Console

        from talkpath.report import check_text
        from talkpath.report.pictures.check_page import simulation_note

        page = Console(file=StringIO(), width=PAGE_COLUMNS, markup=False, emoji=False)
        check_text.show_check(page, self.verdicts, self.record, known_server=self.has_known_server)
        if self.facts.simulated:
            page.print(f"\n{simulation_note()}", highlight=False)
        assert isinstance(page.file, StringIO)
        return page.file.getvalue()

    def html(self) -> str:
        """The result as one HTML page that loads nothing else."""
        from talkpath.report.pictures.check_page import check_page

        return check_page(self.facts, self.verdicts, self.record)

    def bundle(self) -> bytes:
        """The signed evidence (spec/tp-003): anyone can verify it and judge it again."""
        from talkpath.evidence.bundle import write_check

        second = self.second.bundle() if self.second else b""
        return write_check(self.facts, self.record, self.signer, second)

    def save(self, path: str | Path) -> None:
        """Write the bundle into a file; `FileError` where that is not possible."""
        from talkpath.evidence.file import write_file

        write_file(Path(path), self.bundle())
