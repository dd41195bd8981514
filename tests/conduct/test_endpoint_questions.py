"""`talkpath endpoints` carried out on sockets of this machine: single greetings, series, and what needs Linux."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from factories.networks.greeted_hosts import answering_greetings
from talkpath.conduct import endpoint_questions
from talkpath.conduct.endpoint_questions import ask_endpoints
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.own_addresses import plan
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses

HERE = "127.0.0.1"


def row(id: str, app: str, port: int, kind: str = "stun") -> EndpointRow:
    return EndpointRow(id, app, kind, HERE, port, 2, "this test", date(2026, 11, 1), "high")  # type: ignore[arg-type]


@contextmanager
def served() -> Iterator[tuple[int, list[bytes]]]:
    """A server of greetings on this machine: its port, and all that came."""
    came: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind((HERE, 0))
        with answering_greetings(end, came):
            yield int(end.getsockname()[1]), came


def asked(tier: int) -> tuple[EndpointFacts, list[bytes]]:
    with served() as (own, came), served() as (neutral, _):
        chosen = ChosenEndpoints(
            (row("relay", "telegram", own),), (row("n", "", neutral),), row("r", "", 9, "resolver"), False
        )
        return ask_endpoints(chosen, tier, gap_s=0.05, every_s=0.01), came


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.probe.own_addresses.series.ANSWER_S", 0.2)


def test_tier_two_greets_in_series_and_no_server_more_than_thirty_times() -> None:
    facts, came = asked(2)
    assert (facts.limited, facts.paths, facts.epochs) == ("", (), ())
    assert {series.host: series.count for series in facts.series} == {
        "relay": plan.SERIES_GREETINGS,
        "n": plan.SERIES_GREETINGS,
    }
    assert len(came) == plan.SERIES_GREETINGS + 1 <= 30
    (verdict,) = judge_own_addresses(facts)
    assert (verdict.state, verdict.figures["greetings_lost"]) == ("ok", 0.0)


def test_where_the_system_cannot_do_more_it_says_so_and_greets_in_series(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_questions.error_queue, "error_queue_missing", lambda: "This needs Linux.")
    facts, came = asked(3)
    assert (facts.limited, facts.paths, facts.epochs) == ("system", (), ())
    assert {len(data) for data in came} == {20}
    assert len(facts.series) == 2


def test_tier_one_sends_nothing_beside_single_greetings() -> None:
    facts, came = asked(1)
    assert facts.series == ()
    assert len(came) == 1
