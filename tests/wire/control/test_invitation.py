"""The token of a link is proven for one TLS connection, until its invitation ends, and never sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talkpath.wire.control import tls
from talkpath.wire.control.invitation import (
    NO_INVITATION,
    Invitations,
    invitation_proof,
    token_of_text,
    token_text,
    until_text,
)
from talkpath.wire.control.keys import Signer, new_identity_pem

NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
INVITATIONS = Invitations(Signer.of_seed(bytes(range(32))), now=lambda: NOW)
SOON, PAST = until_text(NOW + timedelta(minutes=1)), until_text(NOW)
BINDING = b"of this connection"


@pytest.mark.parametrize("until", ["", SOON])
def test_whoever_has_the_token_is_accepted(until: str) -> None:
    told = invitation_proof(INVITATIONS.token(until), until, BINDING)
    assert INVITATIONS.accepts(told.until, told.proof, BINDING)


@pytest.mark.parametrize("until", [PAST, until_text(NOW - timedelta(days=1)), "soon", "2026-13-01T00:00Z"])
def test_no_invitation_outlives_its_end(until: str) -> None:
    told = invitation_proof(INVITATIONS.token(until), until, BINDING)
    assert not INVITATIONS.accepts(told.until, told.proof, BINDING)


def test_a_proof_is_good_for_its_token_its_end_and_its_connection_alone() -> None:
    until, proof = invitation_proof(INVITATIONS.token(SOON), SOON, BINDING)
    assert INVITATIONS.accepts(until, proof, BINDING)
    assert not INVITATIONS.accepts("", proof, BINDING)
    assert not INVITATIONS.accepts(until, proof, b"of another connection")
    assert not INVITATIONS.accepts(until, proof[:-1], BINDING)
    assert not INVITATIONS.accepts(until, b"", BINDING)
    assert not INVITATIONS.accepts(until, invitation_proof(INVITATIONS.token(SOON), SOON, b"").proof, b"")
    assert not Invitations(Signer.fresh(), now=lambda: NOW).accepts(until, proof, BINDING)


def test_without_a_token_nothing_is_proven() -> None:
    assert invitation_proof(b"", SOON, BINDING) == NO_INVITATION


def test_a_token_is_text_in_one_way() -> None:
    token = INVITATIONS.token("")
    text = token_text(token)
    assert (len(text), token_of_text(text)) == (22, token)
    for other in (text[:-1], text + "A", text[:-1] + chr(ord(text[-1]) + 1), "é" * 22, ""):
        assert token_of_text(other) == b""


def test_both_ends_of_a_connection_know_its_binding_and_no_other_has_it(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(new_identity_pem())
    bindings = [connected(pem) for _ in range(3)]
    assert all(near == far and len(near) >= 32 for near, far in bindings)
    assert len(set(bindings)) == 3


def connected(pem: Path) -> tuple[bytes, bytes]:
    near = tls.Channel(tls.client_context(), server=False)
    far = tls.Channel(tls.server_context(pem), server=True)
    assert near.binding == far.binding == b""
    for _ in range(4):
        far.feed(near.out())
        near.feed(far.out())
    assert near.ready
    assert far.ready
    return near.binding, far.binding
