"""An ACME client (RFC 8555): account, order, challenge, certificate.

Contract: `Client(directory, key).certificate(name, request, answering)` takes as long as the authority does, at most
some minutes. `directory` is the URL of its directory; the operating system's authorities vouch for it. What the
authority does not give is a `PeerError` with its own word for why (section 6.7), and no address.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from talkpath.browser.acme import jws
from talkpath.errors import PeerError, UsageError

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
TIMEOUT_S, PATIENCE_S, LOOK_S, LONGEST_LOOK_S = 30.0, 120.0, 1.0, 15.0
LARGEST_BYTES = 1 << 20
AGAIN = 10  # times: a nonce may be refused without a fault of ours, and the refusal brings the next (section 6.5)
ERROR = re.compile(r"urn:ietf:params:acme:error:([A-Za-z]+)")
CHALLENGE = "http-01"

Answering = Callable[[str, str], AbstractContextManager[None]]
"""(token, key authorization) -> as long as it lasts, whoever asks for the token gets the authorization."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the authority."""

    status: int
    headers: dict[str, str]
    body: bytes

    def told(self) -> dict[str, Any]:
        """Its JSON object; {} where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def error(self) -> str:
        """The authority's word for what is wrong."""
        found = ERROR.fullmatch(str(self.told().get("type", "")))
        return found[1] if found else f"status {self.status}"


class Client:
    """One account at one authority."""

    def __init__(self, directory: str, key: ec.EllipticCurvePrivateKey) -> None:
        self._directory, self._key = directory, key
        self._urls: dict[str, Any] = {}
        self._nonce = self._account = ""

    def certificate(self, name: str, request: bytes, answering: Answering) -> bytes:
        """A chain (PEM) for that name. `request`: the CSR (DER)."""
        try:
            return self._certificate(name, request, answering)
        except (AttributeError, KeyError, TypeError):
            raise PeerError("The authority of --acme does not answer as RFC 8555 has it; try another.") from None

    def _certificate(self, name: str, request: bytes, answering: Answering) -> bytes:
        self._urls = self._ask("GET", self._directory).told()
        if not {"newNonce", "newAccount", "newOrder"} <= self._urls.keys():
            raise PeerError("The authority of --acme does not speak ACME; give the URL of its directory.")
        self._account = self._post(self._urls["newAccount"], {"termsOfServiceAgreed": True}).headers["location"]
        made = self._post(self._urls["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
        place, order = made.headers["location"], made.told()
        for authorization in order["authorizations"]:
            self._authorize(authorization, answering)
        self._until(place, "ready", "valid")
        self._post(order["finalize"], {"csr": jws.plain(request)})
        done = self._until(place, "valid")
        return self._post(done["certificate"], None).body

    def _authorize(self, place: str, answering: Answering) -> None:
        found = self._post(place, None).told()
        if found["status"] == "valid":
            return
        offered = {each["type"]: each for each in found["challenges"]}
        if CHALLENGE not in offered:
            raise PeerError(f"The authority offers no challenge {CHALLENGE} for this name.")
        token = offered[CHALLENGE]["token"]
        with answering(token, f"{token}.{jws.thumbprint(self._key)}"):
            self._post(offered[CHALLENGE]["url"], {})
            self._until(place, "valid")

    def _until(self, place: str, *wanted: str) -> dict[str, Any]:
        """Look until it has one of those states (section 7.1.6)."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            reply = self._post(place, None)
            found = reply.told()
            if found["status"] in wanted:
                return found
            if found["status"] == "invalid":
                raise _refused(_why(found))
            time.sleep(min(_seconds(reply.headers.get("retry-after", "")), LONGEST_LOOK_S))
        raise PeerError("The authority took too long over the certificate; try again later.")

    # -- requests ---------------------------------------------------------------------------------------------------

    def _post(self, url: str, payload: dict[str, Any] | None) -> Reply:
        for _ in range(AGAIN):
            if not self._nonce:
                self._ask("HEAD", self._urls["newNonce"])
            who = {"kid": self._account} if self._account else {"jwk": jws.public(self._key)}
            body = jws.signed(self._key, {"nonce": self._nonce, "url": url, **who}, payload)
            self._nonce = ""
            reply = self._ask("POST", url, body)
            if reply.error() != "badNonce":
                break
        if reply.status >= 300:
            raise _refused(reply.error())
        return reply

    def _ask(self, method: str, url: str, body: bytes | None = None) -> Reply:
        host, port, where = _parted(url)
        line = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        try:
            line.request(method, where, body, {"Content-Type": "application/jose+json", "User-Agent": "talkpath"})
            found = line.getresponse()
            reply = Reply(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read(LARGEST_BYTES))
        except (OSError, http.client.HTTPException):
            raise PeerError("The authority for certificates does not answer; try again later.") from None
        finally:
            line.close()
        self._nonce = reply.headers.get("replay-nonce", self._nonce)
        return reply


def _parted(url: str) -> tuple[str, int | None, str]:
    """(host, port, path)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme != "https":
        raise UsageError("An ACME directory is an https URL, as https://HOST/directory; give it with --acme.")
    return host, port, parts.path + (f"?{parts.query}" if parts.query else "")


def _why(found: dict[str, Any]) -> str:
    """The authority's word, of an order or of an authorization's challenges."""
    errors = [found.get("error"), *(each.get("error") for each in found.get("challenges", ()))]
    words = [ERROR.fullmatch(str(error.get("type", ""))) for error in errors if error]
    return next((word[1] for word in words if word), "invalid")


def _refused(word: str) -> PeerError:
    return PeerError(
        f"The authority gave no certificate for this name ({word}); do the name and TCP port 80 lead to this machine?"
    )


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else LOOK_S
