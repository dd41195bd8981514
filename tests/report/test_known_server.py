"""A check to a server that nobody knows says that the server may be the cause, wherever its result is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import talkpath
from talkpath.cli import cli
from talkpath.evidence import known_responders
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import has_known_server
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.wire.control.keys import Signer

KEY = "A" * 43
ITSELF = "or the test server itself"


@pytest.fixture(scope="module")
def simulated() -> talkpath.Result:
    return talkpath.simulate("media.drop,app=webrtc,p=0.5", apps=["webrtc"], seed=5)


@pytest.fixture(scope="module")
def real(simulated: talkpath.Result) -> talkpath.Result:
    """As if it had been measured on a network, to a server with that key, which signed nothing."""
    facts: Facts = replace(simulated.facts, simulated=False, responder_key=KEY, receipt=None)
    return talkpath.Result.of(facts, Signer.fresh())


@pytest.mark.long
def test_the_labs_own_server_is_known(simulated: talkpath.Result) -> None:
    assert simulated.has_known_server
    assert ITSELF not in simulated.text()
    assert ITSELF not in simulated.html()


def test_a_server_in_no_list_may_be_the_cause(real: talkpath.Result) -> None:
    assert not real.has_known_server
    assert ITSELF in " ".join(real.text().split())
    assert ITSELF in real.html()


def test_a_server_in_the_list_is_not_suspected(real: talkpath.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_responders, "known_operators", lambda: {KEY: "Example University"})
    signed = talkpath.Result.of(replace(real.facts, receipt=SignedReceipt(b"body", b"signature")), Signer.fresh())
    assert has_known_server(signed.facts)
    assert ITSELF not in signed.text()
    assert ITSELF not in signed.html()


def test_whoever_names_a_listed_server_without_its_receipt_is_not_believed(
    real: talkpath.Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(known_responders, "known_operators", lambda: {KEY: "Example University"})
    assert not has_known_server(real.facts)
    path = tmp_path / "claims.talkpath"
    path.write_bytes(write_check(real.facts, real.record, real.signer))
    done = CliRunner().invoke(cli, ["report", str(path)], standalone_mode=False)
    assert ITSELF in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", ["judge", "report"])
def test_a_stored_check_says_it_too(real: talkpath.Result, tmp_path: Path, command: str) -> None:
    path = tmp_path / "real.talkpath"
    path.write_bytes(write_check(real.facts, real.record, real.signer))
    done = CliRunner().invoke(cli, [command, str(path)], standalone_mode=False)
    assert done.exception is None
    assert ITSELF in " ".join(done.stdout.split())


def test_the_json_does_not_change(real: talkpath.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = json.dumps(talkpath.Result.of(real.facts, real.signer).record)
    monkeypatch.setattr(known_responders, "known_operators", lambda: {KEY: "Example University"})
    assert json.dumps(talkpath.Result.of(real.facts, real.signer).record) == unknown
