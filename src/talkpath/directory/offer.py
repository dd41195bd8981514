"""The offer of a test server to a directory: signed by its key, for one directory, renewed every few minutes.

Contract: `read_offer` raises only `WireError`. Whether the server is really there under that key is for the directory's
test to find out; an offer alone lists nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from talkpath.directory.listed_server import MAX_LISTED_SERVER_BYTES, Key, ListedServer, entry_bytes
from talkpath.errors import WireError
from talkpath.wire.control.keys import SIGNATURE_BYTES, Signer, is_signed

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
    try:
        signed = _signed_offers.decode(data)
        offer = _offers.decode(signed.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise WireError("That is no offer of a test server (spec tp-011).") from None
    if not is_signed(OFFER_SIGNED_PREFIX + signed.body, signed.signature, offer.server.key):
        raise WireError("The offer is not signed by the key of the server in it.")
    if offer.directory != directory:
        raise WireError("The offer is meant for another directory.")
    if entry_bytes(offer.server) > MAX_LISTED_SERVER_BYTES:
        raise WireError("The offer would take more than 200 bytes of the list; shorten the operator's name.")
    return offer
