"""Bundles over HTTP: what a route reads of a request, and what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope

from factories.observatories.sent_bundles import Bench, measured_bundle
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE
from talkpath.observatory.intake import requests
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.requests import MOST_BODIES, MOST_BODIES_A_BLOCK
from talkpath.observatory.intake.routes import ReportApi
from talkpath.observatory.log.segments import LogError

PATH = "/api/v1/bundles"
SENT, LIMIT = {"content-type": BUNDLE_MEDIA_TYPE}, 3
Answered = tuple[int, dict[str, str], Any]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, IntakeSettings(bundles_an_hour=LIMIT))
    yield made
    made.close()


def app(bench: Bench) -> ASGIApp:
    return Starlette(routes=ReportApi(bench.collector).routes())


def scope(headers: dict[str, str], method: str = "POST", path: str = PATH, host: str = "192.0.2.7") -> Scope:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": pairs, "client": (host, 1), "query_string": b"",
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "server": ("x", 80)}  # fmt: skip


async def ask(application: ASGIApp, asked: Scope, *parts: bytes, receive: Receive | None = None) -> Answered:
    """What it answers to a body in these parts."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    said: list[Message] = []

    async def given() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    await application(asked, receive or given, send)
    headers = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    data = b"".join(message.get("body", b"") for message in said[1:])
    assert int(headers["content-length"]) == len(data)
    return said[0]["status"], headers, json.loads(data) if "json" in headers["content-type"] else data


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def code(answered: Answered) -> tuple[int, str]:
    return answered[0], answered[2]["code"]


def test_what_a_route_answers(bench: Bench):
    application = app(bench)
    lock, first = {**SENT, "talkpath-withdraw": "ab" * 32}, measured_bundle(seed=1)
    asked = [(lock, first), (lock, first), (SENT, b"x"), ({}, b"x"), (SENT, measured_bundle(seed=3))]

    async def answers() -> list[Answered]:
        return [await ask(application, scope(headers), data) for headers, data in asked]

    answered = asyncio.run(answers())
    assert [status for status, _, _ in answered] == [201, 200, 422, 415, 429], "three of an hour, by the limit"
    assert "retry-after" in answered[-1][1]


def test_a_body_in_parts_is_one(bench: Bench):
    data = measured_bundle(seed=4)
    parts = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    status, _, told = asyncio.run(ask(app(bench), scope(SENT), *parts))
    assert (status, bench.collector.look_up(told["id"]).state) == (201, "received")


@pytest.mark.parametrize("headers", [SENT, {**SENT, "content-length": str(3 << 20)}])
def test_no_more_is_read_than_may_be(bench: Bench, headers: dict[str, str]):
    read = 0

    async def endless() -> Message:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": bytes(1 << 20), "more_body": True}

    answered = asyncio.run(ask(app(bench), scope(headers), receive=endless))
    assert code(answered) == (413, "too_large")
    assert read == (0 if "content-length" in headers else 3)


def test_who_goes_away_or_does_not_go_on_is_told_and_holds_no_place(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "BODY_S", 0.01)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def both() -> list[Answered]:
        application = app(bench)
        hosts = [f"10.0.{at}.1" for at in range(MOST_BODIES)]
        for host in hosts:
            assert code(await ask(application, scope(SENT, host=host), receive=gone)) == (400, "bad_request")
        return await asyncio.gather(*(ask(application, scope(SENT, host=host), receive=never) for host in hosts))

    assert {code(answered) for answered in asyncio.run(both())} == {(408, "slow")}


def test_bodies_that_are_read_at_once_are_counted(bench: Bench):
    async def crowd() -> Answered:
        application = app(bench)
        slow = [asyncio.create_task(ask(application, scope(SENT, host=f"10.0.{at}.1"), receive=never))
                for at in range(MOST_BODIES)]  # fmt: skip
        await asyncio.sleep(0)
        answered = await ask(application, scope(SENT), measured_bundle(seed=5))
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return answered

    answered = asyncio.run(crowd())
    assert (code(answered), answered[1]["retry-after"]) == ((503, "busy"), "5")


def test_one_block_cannot_take_all_places(tmp_path: Path):
    async def crowd() -> tuple[Answered, Answered]:
        application = app(Bench(tmp_path / "many", IntakeSettings(bundles_an_hour=100)))
        slow = [asyncio.create_task(ask(application, scope(SENT, "PUT", f"/v1/reports/{at:064x}"), receive=never))
                for at in range(MOST_BODIES_A_BLOCK)]  # fmt: skip
        await asyncio.sleep(0.01)
        tap = {"content-type": "application/json"}, "POST", "/api/v1/taps"
        neighbour = await ask(application, scope(*tap, host="192.0.2.200"), b"{}")
        stranger = await ask(application, scope(*tap, host="198.51.100.1"), b"{}")
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return neighbour, stranger

    neighbour, stranger = asyncio.run(crowd())
    assert (code(neighbour), code(stranger)) == ((503, "busy"), (400, "bad_request"))


def test_refusals_are_counted_by_code(bench: Bench):
    asyncio.run(ask(app(bench), scope({}), b"x"))
    assert b'talkpath_refused_total{code="media_type"} 1.0' in bench.collector.metrics.text()


def test_a_log_that_cannot_write_is_answered_with_503(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    def failing(group: object) -> list[bool]:
        raise LogError("No room.")

    monkeypatch.setattr(bench.log, "commit", failing)
    answered = asyncio.run(ask(app(bench), scope(SENT), measured_bundle(seed=7)))
    assert (code(answered), answered[1]["retry-after"]) == ((503, "not_durable"), "60")
