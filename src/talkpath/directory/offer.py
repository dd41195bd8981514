"""The offer of a test server to a directory: signed by its key, for one directory, renewed every few minutes.

Contract: `read_offer` raises only `WireError`. Whether the server is really there under that key is for the directory's
test to find out; an offer alone lists nothing.

Offers this machine's test server to a directory, renews the offer while it runs, and takes it back at the end.

    Registration(url, signer, describe, report).run(stop)     in a thread of its own

Contract: a directory that is away or refuses is told once, and the test server goes on. What the directory saw from
outside is told when it changes. Sentences from a directory are shown without control characters.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.directory.listed_server import MAX_LISTED_SERVER_BYTES, Key, ListedServer, entry_bytes
from talkpath.directory.server_list import DirectoryLink
from talkpath.errors import UNREADABLE, PeerError, WireError, in_place_of
from talkpath.evidence.http_request import HttpAnswer, http_request
from talkpath.version import VERSION
from talkpath.wire.control.keys import SIGNATURE_BYTES, Signer, is_signed, raw_key, raw_key_text

SCHEMA: Final = "talkpath.offer/1"
OFFER_SIGNED_PREFIX: Final = b"talkpath offer\n"  # prefix: a signature for another purpose is not valid for this one
OFFER_MEDIA_TYPE: Final = "application/vnd.talkpath.offer"
MAX_OFFER_BYTES: Final = 1000
RENEW_S: Final = 300
"""How often an offer is renewed. A directory forgets a server after three times that and a minute."""

Purpose = Literal["list", "test", "leave"]
OfferState = Literal["listed", "approval", "untested", "failed", "refused", "left"]


class Offer(Struct, frozen=True, array_like=True):
    """What a server says of itself to the directory with the key `directory`, at `at` (seconds since 1970).

    `purpose`: to be listed, to be tested once and not listed, to be taken off the list. `version` is its program's,
    `contact` how the directory's operator reaches its own; neither is published.
    """

    schema: Literal["talkpath.offer/1"]
    directory: Key
    at: Annotated[int, Meta(ge=0, lt=1 << 33)]
    server: ListedServer
    purpose: Purpose = "list"
    version: Annotated[str, Meta(max_length=40)] = ""
    contact: Annotated[str, Meta(max_length=120)] = ""


class OfferAnswer(Struct, frozen=True):
    """What a directory says of a server (JSON): its state, what was seen from outside, and when it was last tested
    (seconds since 1970, 0 for never)."""

    schema: Literal["talkpath.responder/1"]
    state: OfferState
    findings: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=40)] = ()
    tested: Annotated[int, Meta(ge=0, lt=1 << 33)] = 0


class _SignedOffer(Struct, frozen=True, array_like=True):
    body: Annotated[bytes, Meta(max_length=MAX_OFFER_BYTES)]
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


_signed_offers = msgspec.msgpack.Decoder(_SignedOffer)
_offers = msgspec.msgpack.Decoder(Offer)


def sign_offer(
    signer: Signer,
    directory: bytes,
    now: datetime,
    server: ListedServer,
    purpose: Purpose = "list",
    *,
    version: str = "",
    contact: str = "",
) -> bytes:
    """Sign an offer with the server's key."""
    offer = Offer(
        schema=SCHEMA,
        directory=directory,
        at=int(now.timestamp()),
        server=server,
        purpose=purpose,
        version=version,
        contact=contact,
    )
    body = msgspec.msgpack.encode(offer)
    return msgspec.msgpack.encode(_SignedOffer(body, signer.sign(OFFER_SIGNED_PREFIX + body)))


def read_offer(data: bytes, directory: bytes) -> Offer:
    """Read an offer that is signed by the key of the server in it and meant for this directory."""
    if len(data) > MAX_OFFER_BYTES:
        raise WireError("The offer is larger than any server's.")
    with in_place_of(
        UNREADABLE,
        WireError("That is no offer of a test server (spec tp-011)."),
    ):
        signed = _signed_offers.decode(data)
        offer = _offers.decode(signed.body)
    if not is_signed(OFFER_SIGNED_PREFIX + signed.body, signed.signature, offer.server.key):
        raise WireError("The offer is not signed by the key of the server in it.")
    if offer.directory != directory:
        raise WireError("The offer is meant for another directory.")
    if entry_bytes(offer.server) > MAX_LISTED_SERVER_BYTES:
        raise WireError("The offer would take more than 200 bytes of the list; shorten the operator's name.")
    return offer


OFFERS_PATH: Final = "/api/v1/responders"
ASK_S, TEST_WAIT_S, UNTESTED_S = 3.0, 150.0, 30.0
MAX_REASON_CHARACTERS = 200
NOT_PLAIN_ASCII = re.compile(r"[^\x20-\x7e]")
LISTING_SENTENCES: Final = {
    "listed": "The directory lists this test server.",
    "approval": "The directory tested this test server, and its operator has yet to approve it.",
    "untested": "The directory has yet to test this test server.",
    "failed": "The directory does not list this test server, because its test failed.",
    "refused": "The directory's operator does not list this test server.",
    "left": "The directory lists this test server no more.",
}


@dataclass
class Registration:
    """One server at one directory. `describe` gives the entry as it is now, `report` takes sentences."""

    link: DirectoryLink
    signer: Signer
    describe: Callable[[], ListedServer]
    report: Callable[[str], None]
    contact: str = ""
    _directory: bytes = field(default=b"", init=False)
    _told: tuple[str, ...] = field(default=(), init=False)

    def run(self, stop: Callable[[float], bool]) -> None:
        """Offer and renew until `stop(seconds)`, which waits so long, is true; then take the offer back."""
        while not stop(UNTESTED_S if self._renew("list") == "untested" else RENEW_S):
            pass
        self._renew("leave")

    def test(self) -> OfferAnswer:
        """Ask for one test and wait for it. `PeerError` where the directory is away, refuses, or is too busy."""
        before = self.offer("test")
        until_s = time.monotonic() + TEST_WAIT_S
        while time.monotonic() < until_s:
            time.sleep(ASK_S)
            answer = self._answer(
                http_request(self.link.place, "GET", f"{OFFERS_PATH}/{raw_key_text(self.signer.public)}")
            )
            if answer.tested > before.tested:
                return answer
        raise PeerError("The directory did not come to test this server; try again later.")

    def offer(self, purpose: Purpose) -> OfferAnswer:
        """Send one offer; `PeerError` where the directory is away or refuses it."""
        if not self._directory:
            self._directory = self._key()
        data = sign_offer(
            self.signer,
            self._directory,
            datetime.now(UTC),
            self.describe(),
            purpose,
            version=VERSION,
            contact=self.contact,
        )
        return self._answer(
            http_request(self.link.place, "POST", OFFERS_PATH, headers={"Content-Type": OFFER_MEDIA_TYPE}, body=data)
        )

    def _renew(self, purpose: Purpose) -> str:
        """Send an offer, and tell what became of it where that is new; its state, "" where there was no answer."""
        state = ""
        try:
            answer = self.offer(purpose)
            state, told = answer.state, (LISTING_SENTENCES[answer.state], *map(_printable_ascii, answer.findings))
        except PeerError as error:
            told = (str(error),)
        for sentence in told if told != self._told else ():
            self.report(sentence)
        self._told = told
        return state

    def _key(self) -> bytes:
        """The directory's key, which offers are made out to: the one in the link, or the one that it names."""
        answer = http_request(self.link.place, "GET", OFFERS_PATH, most_bytes=4 << 20)
        try:
            named = raw_key(str(msgspec.json.decode(answer.body)["key"]))
        except (*UNREADABLE, KeyError, TypeError):
            named = b""
        if answer.status != 200 or not named:
            raise PeerError("There is no directory of test servers at that URL.")
        if self.link.key and self.link.key != named:
            raise PeerError("The directory at that URL has another key than the one that was named.")
        return named

    def _answer(self, answer: HttpAnswer) -> OfferAnswer:
        if answer.status != 200:
            raise PeerError(f"The directory refuses this test server: {_refusal_reason(answer)}")
        with in_place_of(
            UNREADABLE,
            PeerError("What answers at the directory's URL is none."),
        ):
            return msgspec.json.decode(answer.body, type=OfferAnswer)


def _refusal_reason(answer: HttpAnswer) -> str:
    try:
        return _printable_ascii(str(msgspec.json.decode(answer.body)["error"]))
    except (*UNREADABLE, KeyError, TypeError):
        return f"it answered {answer.status}."


def _printable_ascii(text: str) -> str:
    return NOT_PLAIN_ASCII.sub("?", text[:MAX_REASON_CHARACTERS])
