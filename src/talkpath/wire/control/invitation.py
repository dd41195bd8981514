"""The token of an invitation link, and the proof that a probe has it (spec/tp-005).

A responder that is not configured to be open answers only probes that it invited; for all others it is a TLS server
that closes. The token is derived from the responder's private key and the time at which the invitation ends, so the
responder stores none. A probe never sends the token: it proves it with an HMAC over the channel binding of the
connection.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from talkpath.wire.control.keys import Signer, raw_key

TOKEN_BYTES = 16
PROVEN = b"talkpath invitation\n"  # prefix: an HMAC for another purpose is not valid for this one
UNTIL_FORMAT = "%Y-%m-%dT%H:%MZ"  # "" stands for an invitation without an end


def token_text(token: bytes) -> str:
    """Return the token's text: 22 characters, base64url of the 16 bytes."""
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def token_of_text(text: str) -> bytes:
    """Return the 16 bytes of a token's text; b"" if it is invalid."""
    return raw_key(text, TOKEN_BYTES)


def until_text(until: datetime | None) -> str:
    """Return the end of an invitation in the format of links and Hellos."""
    return "" if until is None else until.astimezone(UTC).strftime(UNTIL_FORMAT)


class Invitation(NamedTuple):
    """What a probe sends about its invitation: when it ends, and the proof of its token. Both are empty without one."""

    until: str = ""
    proof: bytes = b""


NO_INVITATION = Invitation()


def invitation_proof(token: bytes, until: str, binding: bytes) -> Invitation:
    """Return the proof that the client of the TLS connection with this channel binding has the token."""
    return Invitation(until, hmac.digest(token, PROVEN + binding, "sha256")) if token else NO_INVITATION


@dataclass(frozen=True, slots=True)
class Invitations:
    """All invitations of one responder. `now` is the wall clock."""

    signer: Signer = field(repr=False)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def token(self, until: str) -> bytes:
        """Return the token of an invitation that ends then."""
        secret = self.signer.derive(b"tp invite")
        return hashlib.blake2b(until.encode(), key=secret, digest_size=TOKEN_BYTES, person=b"tp token").digest()

    def accepts(self, until: str, proof: bytes, binding: bytes) -> bool:
        """Return whether a probe proved an invitation that has not ended."""
        expected = invitation_proof(self.token(until), until, binding).proof
        return bool(binding) and hmac.compare_digest(expected, proof) and not self._ended(until)

    def _ended(self, until: str) -> bool:
        if not until:
            return False
        try:
            end = datetime.strptime(until, UNTIL_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            return True
        return self.now() >= end
