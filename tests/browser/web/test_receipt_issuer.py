"""The server's receipt in a browser's bundle: it fits, and nothing else does."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from factories.checks import browser_checks
from talkpath.browser.answer.result_message import result_message
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.cli import cli
from talkpath.evidence.bundle import has_receipt, read_bundle
from talkpath.responder.geoip import NetworkOrigin
from talkpath.wire.control.keys import Signer, raw_key_text

FACTS = browser_checks.browser_check(browser_checks.even_loss(0.02), 3, drop_up=0.3)
WITNESS = ReceiptIssuer(Signer.of_seed(bytes(32)), "hosting", lambda host: NetworkOrigin("AS64496", "XX"))


@pytest.fixture(scope="module")
def bundle() -> bytes:
    found = result_message(FACTS, "en", lambda facts, key: WITNESS.with_receipt(facts, b"half", key, "192.0.2.9"))
    return base64.b64decode(found["bundle"])


def test_verify_says_all_is_well(bundle: bytes, tmp_path: Path):
    file = tmp_path / "check.talkpath"
    file.write_bytes(bundle)
    done = CliRunner().invoke(cli, ["verify", str(file), "--json"])
    receipt = json.loads(done.output)["receipt"]
    assert done.exit_code == 0
    assert receipt["responder"] == raw_key_text(WITNESS.signer.public)
    assert (receipt["network"], receipt["country"], receipt["class"]) == ("AS64496", "XX", "hosting")
    assert receipt["epochs"] == len(FACTS.epochs)


def test_no_address_is_in_it(bundle: bytes):
    found = read_bundle(bundle)
    assert found.receipt is not None
    assert "192.0.2.9" not in repr(found)
    assert found.receipt.responder_seed == b"half"


def test_a_receipt_of_another_run_or_of_other_facts_is_none():
    signer = Signer.fresh()
    signed = WITNESS.with_receipt(FACTS, b"half", signer.public, "192.0.2.9")
    assert has_receipt(signed, signer)
    assert not has_receipt(signed, Signer.fresh())
    assert not has_receipt(
        WITNESS.with_receipt(FACTS, b"", signer.public, "").__class__(
            plan=signed.plan, epochs=signed.epochs[:-1], seed=signed.seed, receipt=signed.receipt
        ),
        signer,
    )
