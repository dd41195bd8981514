"""Offers this machine's test server to a directory, renews the offer while it runs, and takes it back at the end.

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
from typing import Final

import msgspec

from talkpath.directory.listed_server import ListedServer
from talkpath.directory.offer import OFFER_MEDIA_TYPE, RENEW_S, OfferAnswer, Purpose, sign_offer
from talkpath.directory.server_list import DirectoryLink
from talkpath.errors import PeerError
from talkpath.evidence.http_request import HttpAnswer, http_request
from talkpath.version import VERSION
from talkpath.wire.control.keys import Signer, raw_key, raw_key_text

OFFERS_PATH: Final = "/api/v1/responders"
ASK_S, TEST_WAIT_S, UNTESTED_S = 3.0, 150.0, 30.0
MAX_REASON_CHARACTERS = 200
NOT_PLAIN_ASCII = re.compile(r"[^\x20-\x7e]")
STATES: Final = {
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
        done = False
        while not done:
            waits_for_test = self._renew("list") == "untested"
            done = stop(UNTESTED_S if waits_for_test else RENEW_S)
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
        headers = {"Content-Type": OFFER_MEDIA_TYPE}
        return self._answer(http_request(self.link.place, "POST", OFFERS_PATH, headers=headers, body=data))

    def _renew(self, purpose: Purpose) -> str:
        """Send an offer, and tell what became of it where that is new; its state, "" where there was no answer."""
        state = ""
        try:
            answer = self.offer(purpose)
            state, told = answer.state, (STATES[answer.state], *map(_printable_ascii, answer.findings))
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
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
            named = b""
        if answer.status != 200 or not named:
            raise PeerError("There is no directory of test servers at that URL.")
        if self.link.key and self.link.key != named:
            raise PeerError("The directory at that URL has another key than the one that was named.")
        return named

    def _answer(self, answer: HttpAnswer) -> OfferAnswer:
        if answer.status != 200:
            raise PeerError(f"The directory refuses this test server: {_refusal_reason(answer)}")
        try:
            return msgspec.json.decode(answer.body, type=OfferAnswer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise PeerError("What answers at the directory's URL is none.") from None


def _refusal_reason(answer: HttpAnswer) -> str:
    try:
        return _printable_ascii(str(msgspec.json.decode(answer.body)["error"]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return f"it answered {answer.status}."


def _printable_ascii(text: str) -> str:
    return NOT_PLAIN_ASCII.sub("?", text[:MAX_REASON_CHARACTERS])
