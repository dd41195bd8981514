"""Asks an app's own servers from Python, as `talkpath endpoints` does: the plan first, then the questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from talkpath.api.check_result import PAGE_COLUMNS
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.measure.endpoint_facts import EndpointFacts
    from talkpath.probe.endpoint_catalogue import ChosenEndpoints
    from talkpath.probe.own_addresses.plan import OwnAddressPlan
    from talkpath.verdict.model import Verdict
    from talkpath.wire.control.keys import Signer

Tier = Literal[0, 1, 2, 3]


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """What an app's own servers answered. No record holds an address."""

    verdicts: tuple[Verdict, ...]
    """A verdict for each app and way of asking."""

    record: dict[str, Any]
    """The JSON object that `talkpath endpoints --json` prints (spec/tp-004)."""

    facts: EndpointFacts = field(repr=False)
    """Everything that was asked and answered. The verdicts are computed from it alone."""

    signer: Signer = field(repr=False)
    """The key of this run, which signs its bundle."""

    @classmethod
    def of(cls, facts: EndpointFacts) -> EndpointResult:
        """Judge the facts."""
        from talkpath.report import endpoint_report
        from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
        from talkpath.wire.control.keys import Signer

        verdicts = judge_own_addresses(facts)
        return cls(tuple(verdicts), endpoint_report.endpoints_json(facts, verdicts), facts, Signer.fresh())

    @property
    def measured(self) -> bool:
        """Did any server answer, also a neutral one?"""
        return any(exchange.ok for exchange in self.facts.exchanges)

    def text(self) -> str:
        """The result as `talkpath endpoints` prints it, without colours."""
        from rich.console import Console

        from talkpath.report import endpoint_report

        page = Console(file=StringIO(), width=PAGE_COLUMNS, markup=False, emoji=False)
        endpoint_report.show_endpoints(page, list(self.verdicts))
        assert isinstance(page.file, StringIO)
        return page.file.getvalue()

    def bundle(self) -> bytes:
        """The signed evidence (spec/tp-003); no server signs for it."""
        from talkpath.evidence.bundle import write_endpoints

        return write_endpoints(self.facts, self.record, self.signer)

    def save(self, path: str | Path) -> None:
        """Write the bundle into a file; `FileError` where that is not possible."""
        from talkpath.evidence.file import write_file

        write_file(Path(path), self.bundle())


def endpoint_plan(apps: Sequence[str], *, tier: Tier = 0, catalogue: str | Path = "") -> dict[str, Any]:
    """Return whom `endpoints` would ask what, as `talkpath endpoints --dry-run --json` prints it. Nothing is sent.

    `UsageError` for an app of which no server is known, and for a `catalogue` (TOML) that is none.
    """
    from talkpath.probe.own_addresses.plan import make_plan

    chosen = _chosen_endpoints(apps, tier, catalogue)
    return plan_record(chosen, make_plan(chosen, tier))


def endpoints(
    apps: Sequence[str],
    *,
    tier: Tier = 0,
    agreed: bool = False,
    catalogue: str | Path = "",
    family: Literal[0, 4, 6] = 0,
    progress: Callable[[str, str], None] | None = None,
) -> EndpointResult:
    """Ask the servers of these apps what anyone may ask without an account, beside neutral servers.

    Tier 0 asks name servers alone, 1 what any browser does too, 2 what the app itself does too and greetings in series,
    3 sends packets that expire on the way too (Linux). Nothing is sent unless the person who answers for this network
    has `agreed` to the plan that `endpoint_plan` returns. It blocks until all is asked: seconds, at tier 3 some
    minutes. `progress` is called with an app ("" for a neutral server) and what it is asked.

    `UsageError` without agreement, for an app of which no server is known, and where this system cannot do a tier.
    """
    from talkpath.conduct.endpoint_questions import ask_endpoints

    chosen = _chosen_endpoints(apps, tier, catalogue)
    if not agreed:
        raise UsageError("Nothing was sent: read what `endpoint_plan` returns, then pass agreed=True.")
    facts = ask_endpoints(
        chosen,
        tier,
        family=family,
        on_request=lambda request: progress(request.row.app, request.kind) if progress is not None else None,
    )
    return EndpointResult.of(facts)


def _chosen_endpoints(apps: Sequence[str], tier: int, catalogue: str | Path) -> ChosenEndpoints:
    from talkpath.probe.endpoint_catalogue import choose_endpoints, read_catalogue

    return choose_endpoints(read_catalogue(Path(catalogue) if catalogue else None), apps, tier)


def plan_record(chosen: ChosenEndpoints, own: OwnAddressPlan | None) -> dict[str, Any]:
    """The plan as plain values."""
    from talkpath.probe.endpoint_engine import ROUNDS
    from talkpath.probe.name_contrast import plan_names
    from talkpath.report import endpoint_report

    plan: dict[str, Any] = {
        "schema": endpoint_report.PLAN_SCHEMA,
        "most_times": ROUNDS,
        "steps": plan_steps(chosen),
    }
    if (names := plan_names(chosen)) is not None:
        plan["names"] = names._asdict()
    if own is not None:
        plan["own_addresses"] = own._asdict() | {"rows": [row.id for row in own.rows]}
    return plan


def plan_steps(chosen: ChosenEndpoints) -> list[dict[str, Any]]:
    """Every host, once for each thing that it is asked."""
    rows = (*chosen.rows, *chosen.neutral)
    names = dict.fromkeys((row.app, row.host) for row in rows if row.is_name)
    named = {row.host: row for row in reversed(rows)}
    to_resolve = [named[host] for _, host in names]
    steps = [(row, "dns") for row in to_resolve] + [
        (row, kind) for row in rows if not chosen.names_only for kind in chosen.asks(row)
    ]
    steps.append((chosen.resolver, "resolver"))
    return [
        {
            "app": row.app,
            "id": row.id,
            "asks": asks,
            "host": row.host,
            "port": 53 if asks == "dns" else row.port,
            "source": row.source,
            "date": row.date.isoformat(),
            "confidence": row.confidence,
        }
        for row, asks in steps
    ]
