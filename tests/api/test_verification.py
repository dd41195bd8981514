"""Whose word a bundle is: what a receipt covers, who is listed, and what an older receipt leaves open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import talkpath
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer, responder_signer
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.measure.facts_digest import run_digest
from talkpath.report.words.verification import probe_words, unsigned_words, verification_lines
from talkpath.wire.control.keys import raw_key_text
from talkpath.wire.control.receipt import seal_receipt, unseal_receipt


@pytest.fixture(scope="module")
def result() -> talkpath.Result:
    return talkpath.simulate(apps=["webrtc"], flows=4)


def sealed(result: talkpath.Result, digest: bytes) -> bytes:
    """The bundle with a receipt that holds this digest, signed by the lab's server."""
    facts: Facts = result.facts
    assert facts.receipt is not None
    statement = replace(unseal_receipt(facts.receipt.body, facts.receipt.signature), run_digest=digest)
    signed = replace(facts, receipt=SignedReceipt(*seal_receipt(statement, responder_signer())))
    return write_check(signed, result.record, probe_signer())


def lines(bundle: bytes) -> list[str]:
    return verification_lines(talkpath.verify(bundle).record)


def test_a_receipt_of_today_covers_the_run(result: talkpath.Result) -> None:
    stored = talkpath.read_bundle(result.bundle()).facts
    assert stored is not None
    today = sealed(result, run_digest(stored))
    assert talkpath.verify(today).record["receipt"]["binds"] == "all"
    assert probe_words("all") in lines(today)
    assert probe_words("epochs") not in lines(today)


def test_what_the_lab_s_receipt_does_not_cover_is_not_called_unchanged(result: talkpath.Result) -> None:
    """A stranger may change what is not compared, and sign it with the keys of the lab, which everybody has."""
    facts: Facts = result.facts
    changed = replace(facts, plan=replace(facts.plan, alpha=0.5))
    bundle = write_check(changed, result.record, probe_signer())
    assert talkpath.verify(bundle).record["receipt"]["binds"] == "epochs"
    told = lines(bundle)
    assert probe_words("epochs") in told
    assert probe_words("all") not in told


def test_without_a_receipt_nothing_is_covered(result: talkpath.Result) -> None:
    bare = write_check(replace(result.facts, receipt=None), result.record, probe_signer())
    verification = talkpath.verify(bare)
    assert not verification.signed_by_server
    assert verification.record["receipt"] is None
    assert unsigned_words() in lines(bare)
    assert probe_words("all") not in lines(bare)


def test_the_key_comes_before_the_name_that_a_program_gives_itself(result: talkpath.Result) -> None:
    text = lines(result.bundle())
    key = talkpath.verify(result.bundle()).record["key"]
    assert key in text[1]
    assert text[2] == f"The program that wrote it calls itself “talkpath/{talkpath.__version__}”."


def test_a_listed_server_is_named(result: talkpath.Result, tmp_path: Path) -> None:
    key = raw_key_text(responder_signer().public)
    known = {"schema": "talkpath.responders/1", "responders": [{"key": key, "operator": "Example University"}]}
    (tmp_path / "known.json").write_text(json.dumps(known))
    listed = talkpath.verify(result.bundle(), responders=tmp_path / "known.json")
    assert (listed.operator, talkpath.verify(result.bundle()).operator) == ("Example University", "")
    with pytest.raises(talkpath.FileError, match="list of responders"):
        talkpath.verify(result.bundle(), responders=tmp_path / "none.json")
