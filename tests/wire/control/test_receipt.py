"""A receipt is read only where every field is valid; receipts of older responders are read too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from talkpath.errors import WireError
from talkpath.wire.control.keys import Signer
from talkpath.wire.control.receipt import RECEIPT_PREFIX, ReceiptStatement, seal_receipt, unseal_head, unseal_receipt

SIGNER = Signer.of_seed(bytes(range(32)))
STATEMENT = ReceiptStatement(
    probe_key=b"p" * 32,
    responder_key=SIGNER.public,
    probe_seed=b"s" * 32,
    responder_seed=b"t" * 32,
    facts_digest=b"d" * 32,
    responder_class="home",
    network="AS64496",
    country="XX",
    ended_at="2026-11-27T10:00:00Z",
    epochs=(),
    run_digest=b"r" * 32,
    started_at="2026-11-27T09:00:00Z",
)


def signed(**changes: Any) -> tuple[bytes, bytes]:
    return seal_receipt(msgspec.structs.replace(STATEMENT, **changes), SIGNER)


def test_what_was_signed_is_read() -> None:
    assert unseal_receipt(*signed()) == STATEMENT
    head = unseal_head(*signed())
    assert (head.run_digest, head.started_at) == (b"r" * 32, "2026-11-27T09:00:00Z")


@pytest.mark.parametrize("name", ["facts_digest", "run_digest", "started_at"])
def test_a_receipt_that_does_not_bind_the_whole_run_is_none(name: str) -> None:
    fields = msgspec.to_builtins(STATEMENT, builtin_types=(bytes,))
    del fields[name]
    body = msgspec.msgpack.encode(fields)
    with pytest.raises(WireError, match="no receipt"):
        unseal_receipt(body, SIGNER.sign(RECEIPT_PREFIX + body))


@pytest.mark.parametrize(
    "changes",
    [
        {"run_digest": b"short"},
        {"run_digest": bytes(33)},
        {"started_at": "2026-11-27T09:30:00Z"},
        {"started_at": "yesterday"},
        {"started_at": "2026-99-99T99:00:00Z"},
        {"ended_at": "2026-02-31T20:00:00Z"},
        {"ended_at": "\x1b[31m"},
        {"network": "AS"},
        {"country": "xx"},
        {"responder_class": "castle"},
    ],
    ids=str,
)
def test_words_that_no_receipt_has_are_refused(changes: dict[str, Any]) -> None:
    for read in (unseal_receipt, unseal_head):
        with pytest.raises(WireError):
            read(*signed(**changes))


def test_another_signature_is_refused() -> None:
    body, _ = signed()
    with pytest.raises(WireError):
        unseal_receipt(body, Signer.fresh().sign(RECEIPT_PREFIX + body))
