"""Offers over HTTP: what is refused, how often one may offer, and that the document is what is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Message

from factories.networks.mmdb_file import mmdb_bytes
from talkpath.directory.fetch import LIST_MEDIA_TYPE as LIST_TYPE
from talkpath.directory.listed_server import ListedServer, PublicAddress, is_public
from talkpath.directory.offer import OFFER_MEDIA_TYPE, sign_offer
from talkpath.directory.server_list import read_list
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.openapi import openapi_document
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.responders.routes import DIRECTORY_PATHS, DIRECTORY_SCHEMAS, RESPONDERS_PATH, DirectoryApi
from talkpath.observatory.responders.running import (
    MOST_NAMES_WAITING,
    NEW_SERVERS_AN_HOUR,
    STRANGERS_TESTS_AN_HOUR,
    DirectorySettings,
    ServerDirectory,
)
from talkpath.responder.geoip import GeoDatabase
from talkpath.wire.control.keys import Signer

TYPE = {"content-type": OFFER_MEDIA_TYPE}


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[ServerDirectory]:
    made = ServerDirectory(tmp_path, DirectorySettings(), GeoDatabase(()), lambda: "2026-11-27")
    yield made
    made.close()


def offer(directory: ServerDirectory, host: str, signer: Signer | None = None) -> bytes:
    signer = signer or Signer.fresh()
    return sign_offer(signer, directory.key, datetime.now(UTC), ListedServer(signer.public, PublicAddress(host, 4433)))


Answer = tuple[int, dict[str, str], bytes]


def ask(
    directory: ServerDirectory,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    host: str = "192.0.2.7",
) -> Answer:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("x", 80),
        "client": (host, 1),
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    asyncio.run(Starlette(routes=DirectoryApi(directory).routes())(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], answered, b"".join(message.get("body", b"") for message in said[1:])


def code(answer: Answer) -> tuple[int, str]:
    return answer[0], json.loads(answer[2]).get("code", "")


def test_a_public_address_may_be_offered(directory: ServerDirectory):
    status, _, body = ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1"), TYPE)
    assert (status, json.loads(body)["state"]) == (200, "untested")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "::1", "fe80::1", "169.254.169.254", "100.64.0.1", "localhost"]
)
def test_nobody_has_the_observatory_look_into_its_own_network(directory: ServerDirectory, host: str):
    assert code(ask(directory, "POST", RESPONDERS_PATH, offer(directory, host), TYPE)) == (422, "address")


@pytest.mark.parametrize(
    "address",
    ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "224.0.0.1", "0.0.0.0", "x", "::10.0.0.1",
     "::ffff:0:10.0.0.1", "fec0::1", "feff::1", "5f00::1"],
)  # fmt: skip
def test_addresses_that_stand_for_private_ones_are_not_public(address: str):
    assert not is_public(address)


def test_public_addresses_are_public():
    assert is_public("1.1.1.1")
    assert is_public("2606:4700:4700::1111")


def test_what_is_refused_and_how(directory: ServerDirectory):
    assert code(ask(directory, "POST", RESPONDERS_PATH, b"no offer", TYPE)) == (422, "offer")
    assert code(ask(directory, "POST", RESPONDERS_PATH, bytes(2000), TYPE)) == (413, "too_large")
    assert code(ask(directory, "POST", RESPONDERS_PATH, b"{}", {"content-type": "application/json"})) == (
        415,
        "media_type",
    )
    assert code(ask(directory, "GET", f"{RESPONDERS_PATH}/{'A' * 43}")) == (404, "not_found")
    assert code(ask(directory, "GET", f"{RESPONDERS_PATH}/nokey")) == (404, "not_found")


def test_one_network_offers_few_new_servers_an_hour(directory: ServerDirectory):
    codes = [
        ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1"), TYPE)[0]
        for _ in range(NEW_SERVERS_AN_HOUR)
    ]
    assert codes == [200] * NEW_SERVERS_AN_HOUR
    refused = ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1"), TYPE)
    assert code(refused) == (429, "limited")
    assert int(refused[1]["retry-after"]) > 0
    assert ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1"), TYPE, host="198.51.100.7")[0] == 200


def test_renewing_is_not_limited_as_offering_is(directory: ServerDirectory):
    signer = Signer.fresh()
    for _ in range(2 * NEW_SERVERS_AN_HOUR):
        assert ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1", signer), TYPE)[0] == 200


def test_the_list_is_signed_and_says_nothing_of_who_asks(directory: ServerDirectory):
    status, headers, body = ask(directory, "GET", f"{RESPONDERS_PATH}/list")
    assert (status, headers["content-type"]) == (200, LIST_TYPE)
    assert read_list(body, directory.key, datetime.now(UTC)).servers == ()
    assert "talkpath-country" not in headers


def test_who_fetches_the_list_is_told_the_own_country(tmp_path: Path):
    (tmp_path / "geo.mmdb").write_bytes(mmdb_bytes({"192.0.2.0/24": {"country_code": "XX"}}))
    told = ServerDirectory(tmp_path, DirectorySettings(), GeoDatabase((tmp_path / "geo.mmdb",)), lambda: "2026-11-27")
    assert ask(told, "GET", f"{RESPONDERS_PATH}/list", host="192.0.2.7")[1]["talkpath-country"] == "XX"
    assert "talkpath-country" not in ask(told, "GET", f"{RESPONDERS_PATH}/list", host="198.51.100.7")[1]
    told.close()


@schemathesis.serializer(OFFER_MEDIA_TYPE)
def as_bytes(ctx: object, value: object) -> bytes:
    """An offer is bytes; whatever else is drawn for one is sent as its text."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_those_of_the_document(directory: ServerDirectory, mode: GenerationMode):
    document = openapi_document(IntakeSettings(), DIRECTORY_PATHS, DIRECTORY_SCHEMAS)
    document["paths"] = DIRECTORY_PATHS

    async def told(request: Any) -> JSONResponse:
        return JSONResponse(document)

    application = Starlette(routes=[Route("/openapi.json", told), *DirectoryApi(directory).routes()])
    schema = schemathesis.openapi.from_asgi("/openapi.json", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 4
    takes_something = [found for found in operations if "{" in found.path]
    for operation in operations if mode is GenerationMode.POSITIVE else takes_something:

        @given(operation.as_strategy(generation_mode=mode))
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def check(case: schemathesis.Case) -> None:
            response = case.call()
            # No schema says what an offer is: drawn bytes are never one.
            # That 413 refuses too, schemathesis does not know.
            refused = [negative_data_rejection] if response.status_code == 413 else []
            case.validate_response(response, excluded_checks=[positive_data_acceptance, *refused])

        check()


def test_names_that_are_never_answered_hold_up_nobody_but_new_servers(
    directory: ServerDirectory, monkeypatch: pytest.MonkeyPatch
):
    answered = threading.Event()

    def resolve(host: str) -> list[str]:
        answered.wait(20)
        return ["1.1.1.1"]

    signer = Signer.fresh()
    assert ask(directory, "POST", RESPONDERS_PATH, offer(directory, "1.1.1.1", signer), TYPE)[0] == 200
    monkeypatch.setattr("talkpath.observatory.responders.running.resolve_host", resolve)

    async def play() -> list[str]:
        slow = [
            asyncio.create_task(directory.take(offer(directory, f"s{n}.example"), f"10.{n}.0.1"))
            for n in range(MOST_NAMES_WAITING)
        ]
        await asyncio.sleep(0.2)
        renewed = await asyncio.wait_for(directory.take(offer(directory, "1.1.1.1", signer), "192.0.2.7"), 5.0)
        of_the_intake = await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 5.0)
        with pytest.raises(ReportRefusedError, match="busy"):
            await asyncio.wait_for(directory.take(offer(directory, "one.more.example"), "198.51.100.1"), 5.0)
        answered.set()
        states = [(await each).state for each in slow]
        return [renewed.state, of_the_intake, *states]

    assert asyncio.run(play()) == ["untested", "done", *["untested"] * MOST_NAMES_WAITING]


def test_a_name_that_is_pointed_elsewhere_later_does_not_make_the_observatory_call_a_stranger(
    directory: ServerDirectory, monkeypatch: pytest.MonkeyPatch
):
    """However often a test of it is asked for: the limit is that of an address that never passed."""
    called: list[str] = []
    leads_to = ["1.1.1.1"]

    def look(work: object, server: object, address: str) -> tuple[str, ...]:
        called.append(address)
        return () if address == "1.1.1.1" else ("seen from outside: no answer",)

    monkeypatch.setattr("talkpath.observatory.responders.running.resolve_host", lambda host: leads_to)
    monkeypatch.setattr(directory._pool, "run", look)
    signer = Signer.fresh()

    async def play() -> None:
        await directory.take(offer(directory, "calls.example", signer), "192.0.2.7")
        for number in range(200):
            (known,) = directory._registrar.table.all()
            await directory._test(known)
            if number == 20:
                leads_to[:] = ["9.9.9.9"]

    asyncio.run(play())
    assert called.count("1.1.1.1") == 21, "its own address is tested as often as its operator asks"
    assert called.count("9.9.9.9") <= STRANGERS_TESTS_AN_HOUR
