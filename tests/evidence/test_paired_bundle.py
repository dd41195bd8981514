"""The bundle of a call between two phones: both ends' counts and checks, unchanged or refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from factories.checks.lab_checks import lab_bundle, lab_check
from talkpath.api.verification import verify
from talkpath.browser.answer.paired_result import paired_result
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.cli import cli
from talkpath.errors import BundleError, UsageError
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import FIRST_PART, SECOND_PART, read_bundle, read_seal, write_check, write_paired
from talkpath.measure.paired_call import (
    MOST_PAIRED_ROUNDS,
    EndCounts,
    PairedCallFacts,
    PairedEnd,
    PairedFlow,
    PairedRound,
)
from talkpath.report.rejudge import rejudge
from talkpath.report.words.verification import verification_lines
from talkpath.wire.control.keys import Signer, raw_key_text

COUNTS = EndCounts(setup_ms=90.0, sent=150, received=150, tried=True)
ROUND = PairedRound(
    "voice", (PairedFlow("call", "direct", COUNTS, COUNTS), PairedFlow("twin", "direct", COUNTS, COUNTS))
)
LANGUAGES: dict[PairedEnd, str] = {"a": "en", "b": "en"}
FACTS = PairedCallFacts((ROUND,) * 5, "2026-11-30T06:00:00Z", relay_offered=False)


SERVER = read_seal(lab_bundle(lab_check())).receipt.responder_key


@pytest.fixture(scope="module")
def check() -> bytes:
    return lab_bundle(lab_check())


def test_it_is_read_back_with_the_checks_of_both_ends(check: bytes):
    for first, second in ((check, b""), (b"", check), (check, lab_bundle(lab_check(4))), (b"", b"")):
        found = read_bundle(write_paired(FACTS, {"state": "ok"}, Signer.fresh(), first, second))
        assert (found.kind, found.paired, found.started_at) == ("paired", FACTS, FACTS.started_at)
        assert [found.first is not None, found.second is not None] == [bool(first), bool(second)]


def test_it_is_judged_again_from_its_facts_alone(check: bytes):
    result = paired_result(FACTS, {"a": check, "b": b"nothing"}, {"a": "en", "b": "xx"}, SERVER)
    written = write_paired(FACTS, result["a"]["json"], Signer.fresh(), check)
    again = rejudge(read_bundle(written))
    assert again.record == result["a"]["json"]
    assert again.changes == ()
    altered = rejudge(read_bundle(write_paired(FACTS, {"state": "restricted", "side": "a"}, Signer.fresh(), check)))
    assert altered.changes == ("state restricted -> ok", "side a -> ")


def browser_check(issuer: ReceiptIssuer, hour: str, seed: int = 3) -> bytes:
    """A check with that server at that hour."""
    run, facts = Signer.fresh(), replace(lab_check(seed), simulated=False, started_at=hour, receipt=None)
    return write_check(issuer.with_receipt(facts, bytes(16), run.public, ""), {}, run)


def test_a_line_counts_only_with_this_servers_receipt_of_the_hour(check: bytes):
    own, other = ReceiptIssuer(Signer.fresh()), ReceiptIssuer(Signer.fresh())
    fits = browser_check(own, "2026-11-30T07:00:00Z")
    lines = {
        "fits": fits,
        "another server": browser_check(other, FACTS.started_at),
        "another day": browser_check(own, "2026-11-29T06:00:00Z"),
        "no receipt": write_check(lab_check(), {}, Signer.fresh()),
        "changed": fits[:-40] + bytes([fits[-40] ^ 1]) + fits[-39:],
        "the lab's": check,
    }
    taken = {
        name: paired_result(FACTS, {"b": line}, LANGUAGES, own.signer.public)["a"]["json"]
        for name, line in lines.items()
    }
    assert [name for name, told in taken.items() if told["b"]["state"]] == ["fits"]


def test_one_run_is_the_word_of_one_end():
    own = ReceiptIssuer(Signer.fresh())
    line, other = browser_check(own, FACTS.started_at), browser_check(own, FACTS.started_at, seed=4)
    for second, states in ((line, [True, False]), (other, [True, True]), (b"", [True, False])):
        told = paired_result(FACTS, {"a": line, "b": second}, LANGUAGES, own.signer.public)["a"]
        assert [bool(told["json"][end]["state"]) for end in ("a", "b")] == states
        kept = read_bundle(base64.b64decode(told["bundle"]))
        assert [kept.first is not None, kept.second is not None] == states
        assert [end["responder"] for end in verify(kept).record["ends"]] == [raw_key_text(own.signer.public)] * sum(
            states
        )
        assert sum("A test server signed" in line for line in verification_lines(verify(kept).record)) == sum(states)


def test_a_file_holds_checks_of_the_hour_that_a_test_server_signed_and_says_where_the_lab_made_one(check: bytes):
    own, unsigned = ReceiptIssuer(Signer.fresh()), write_check(replace(lab_check(), receipt=None), {}, Signer.fresh())
    line, past = browser_check(own, FACTS.started_at), browser_check(own, "2026-10-30T06:00:00Z")
    for ends in ((line, line), (past, b""), (b"", past), (unsigned, b"")):
        with pytest.raises(BundleError, match="two ends"):
            read_bundle(write_paired(FACTS, {}, Signer.fresh(), *ends))
    for hour in ("2026-13-45T06:00:00Z", f"{FACTS.started_at}\n", "1970-01-01T00:00:00Z"):
        for end in (line, b""):
            with pytest.raises(BundleError, match=r"two ends|between two phones"):
                read_bundle(write_paired(replace(FACTS, started_at=hour), {}, Signer.fresh(), end))
    assert not read_bundle(write_paired(FACTS, {}, Signer.fresh(), line)).simulated
    assert read_bundle(write_paired(FACTS, {}, Signer.fresh(), line, lab_bundle(lab_check(4)))).simulated


def test_a_changed_bit_or_another_bundle_inside_is_refused(check: bytes):
    data = write_paired(FACTS, {}, Signer.fresh(), check, lab_bundle(lab_check(4)))
    for at in range(0, len(data), max(1, len(data) // 60)):
        with pytest.raises(BundleError):
            read_bundle(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    parts = unpack_archive(data)
    with pytest.raises(BundleError):
        read_bundle(pack_archive({**parts, SECOND_PART: parts[FIRST_PART][:-1]}))
    for inner in (data, b"no bundle"):
        with pytest.raises(BundleError):
            read_bundle(write_paired(FACTS, {}, Signer.fresh(), inner))


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": [msgspec.to_builtins(ROUND)] * (MOST_PAIRED_ROUNDS + 1)},
        {"rounds": [{"medium": "text", "flows": []}]},
        {"rounds": [{"medium": "voice", "flows": [{"kind": "call", "route": "direct", "a": {"sent": -1}}]}]},
        {
            "rounds": [
                {"medium": "voice", "flows": [{"kind": "call", "route": "direct", "a": {"setup_ms": float("nan")}}]}
            ]
        },
        {"rounds": [], "started_at": "today"},
    ],
)
def test_facts_out_of_their_bounds_are_refused(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BundleError, match="two phones"):
        read_bundle(write_paired(wrong, {}, Signer.fresh()))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["en", "ru", "fa", "ar"])
def test_both_ends_are_told_the_same_from_their_own_side(code: str, check: bytes):
    result = paired_result(FACTS, {"a": check, "b": b""}, {"a": code, "b": code}, SERVER)
    a, b = result["a"], result["b"]
    assert (a["title"], a["json"], a["bundle"]) == (b["title"], b["json"], b["bundle"])
    assert [row["says"] for row in a["rows"]][-2:] == [row["says"] for row in b["rows"]][-1:-3:-1]
    assert a["lang"] == code


def test_commands_tell_it_or_say_why_not(check: bytes, tmp_path: Path):
    file = tmp_path / "two.talkpath"
    result = paired_result(FACTS, {"a": check, "b": b""}, {"a": "en", "b": "en"}, SERVER)["a"]
    file.write_bytes(base64.b64decode(result["bundle"]))
    for command in ("judge", "report"):
        done = CliRunner().invoke(cli, [command, str(file), "--language", "en"])
        assert done.exit_code == 0, done.output
        assert f"{result['mark']} {result['title']}" in done.output
        assert all(row["says"] in done.output for row in result["rows"])
    assert "two phones" in CliRunner().invoke(cli, ["verify", str(file), "--language", "en"]).output
    for arguments in (["letter", str(file)], ["report", str(file), "--html", str(tmp_path / "page.html")]):
        refused = CliRunner().invoke(cli, arguments)
        assert isinstance(refused.exception, UsageError)
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
