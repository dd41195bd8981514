"""Offers of test servers: signed by the server's key, for one directory; and how they are renewed."""

from __future__ import annotations

import random

import msgspec
import pytest

from factories.networks.server_lists import DIRECTORY, NOW, listed_server
from talkpath.directory.listed_server import ListedServer, PublicAddress
from talkpath.directory.offer import MAX_OFFER_BYTES, OfferAnswer, Purpose, Registration, read_offer, sign_offer
from talkpath.directory.server_list import DirectoryLink
from talkpath.errors import PeerError, WireError
from talkpath.evidence.http_request import HttpAnswer
from talkpath.wire.control.keys import Signer, raw_key_text

SERVER = Signer.of_seed(b"server".ljust(32))


def mine(**more: object) -> ListedServer:
    return listed_server(1, key=SERVER.public, **more)


def offered(signer: Signer = SERVER, directory: bytes = DIRECTORY.public, **more: object) -> bytes:
    return sign_offer(signer, directory, NOW, mine(**more), version="0.3.0", contact="me@example")


def test_an_offer_is_read_as_it_was_signed():
    offer = read_offer(offered(), DIRECTORY.public)
    assert offer.server == mine()
    assert (offer.purpose, offer.at, offer.contact) == ("list", int(NOW.timestamp()), "me@example")


def test_nobody_offers_the_server_of_another_key():
    with pytest.raises(WireError, match="not signed by the key"):
        read_offer(offered(Signer.fresh()), DIRECTORY.public)


def test_an_offer_to_another_directory_is_none_here():
    with pytest.raises(WireError, match="another directory"):
        read_offer(offered(directory=Signer.fresh().public), DIRECTORY.public)


def test_every_changed_bit_is_found():
    data, rng = offered(), random.Random(2)
    for _ in range(200):
        place = rng.randrange(8 * len(data))
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(WireError):
            read_offer(bytes(changed), DIRECTORY.public)


@pytest.mark.parametrize("data", [b"", b"\x92", b"\x93" * 900, bytes(MAX_OFFER_BYTES + 1)])
def test_what_is_no_offer(data: bytes):
    with pytest.raises(WireError):
        read_offer(data, DIRECTORY.public)


def test_an_entry_that_no_list_takes_is_no_offer():
    wide = {"operator": "\N{PILE OF POO}" * 40, "address": PublicAddress("h" * 63, 4433, 443)}
    with pytest.raises(WireError, match="200 bytes"):
        read_offer(offered(**wide), DIRECTORY.public)


class Directory:
    """A directory that answers what it is told to, and notes what it was offered."""

    def __init__(self, *states: str, named: bytes = DIRECTORY.public) -> None:
        self.states, self.named = list(states), named
        self.purposes: list[Purpose] = []

    def request(self, url: str, method: str, path: str = "", **more: object) -> HttpAnswer:
        if method == "GET":
            return HttpAnswer(200, msgspec.json.encode({"key": raw_key_text(self.named)}), {})
        body = more["body"]
        assert isinstance(body, bytes)
        self.purposes.append(read_offer(body, self.named).purpose)
        state = self.states.pop(0)
        if state == "away":
            raise PeerError("The observatory cannot be reached.")
        if state == "wrong":
            return HttpAnswer(422, msgspec.json.encode({"error": "Wrong\x1b[2J clock."}), {})
        findings = ("seen from outside: UDP 3478 does not arrive",) if state == "failed" else ()
        return HttpAnswer(200, msgspec.json.encode(OfferAnswer("talkpath.responder/1", state, findings)), {})


def told(monkeypatch: pytest.MonkeyPatch, directory: Directory, key: bytes = b"") -> tuple[list[str], list[float]]:
    """What a server's operator reads while the offer is renewed, and how long it waited each time."""
    monkeypatch.setattr("talkpath.directory.offer.http_request", directory.request)
    said: list[str] = []
    waited: list[float] = []

    def stop(seconds: float) -> bool:
        waited.append(seconds)
        return len(directory.states) == 1

    Registration(DirectoryLink("https://example", key), SERVER, mine, said.append).run(stop)
    return said, waited


def test_the_operator_reads_what_changes_and_the_offer_is_taken_back(monkeypatch: pytest.MonkeyPatch):
    directory = Directory("untested", "failed", "failed", "listed", "listed", "left")
    said, waited = told(monkeypatch, directory)
    assert said == [
        "The directory has yet to test this test server.",
        "The directory does not list this test server, because its test failed.",
        "seen from outside: UDP 3478 does not arrive",
        "The directory lists this test server.",
        "The directory lists this test server no more.",
    ]
    assert directory.purposes == ["list"] * 5 + ["leave"]
    assert waited == [30.0, 300.0, 300.0, 300.0, 300.0]


def test_a_directory_that_is_away_or_refuses_is_told_once(monkeypatch: pytest.MonkeyPatch):
    said, _ = told(monkeypatch, Directory("away", "away", "wrong", "wrong", "left"))
    assert said == [
        "The observatory cannot be reached.",
        "The directory refuses this test server: Wrong?[2J clock.",
        "The directory lists this test server no more.",
    ]


def test_a_directory_with_another_key_than_the_named_one_gets_no_offer(monkeypatch: pytest.MonkeyPatch):
    directory = Directory("listed", "left", named=Signer.fresh().public)
    monkeypatch.setattr("talkpath.directory.offer.http_request", directory.request)
    with pytest.raises(PeerError, match="another key"):
        Registration(DirectoryLink("https://example", DIRECTORY.public), SERVER, mine, print).offer("list")
    assert directory.purposes == []
