"""A bundle may hold the bundle of a second opinion: another run, with another test server, or the whole is refused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_check
from talkpath.errors import BundleError
from talkpath.evidence import bundle as form
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import SECOND_PART, Bundle, read_bundle, read_seal, write_capture, write_check
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts, SignedReceipt
from talkpath.measure.facts_digest import run_digest
from talkpath.observatory.events.network_days import bundle_verdicts
from talkpath.report.check_json import judge_check
from talkpath.report.rejudge import rejudge
from talkpath.report.words.other_checks import second_server_lines
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.receipt import seal_receipt, unseal_receipt

RULE = "media.drop,app=webrtc,direction=up,p=0.5"
FINDINGS = Findings(packets=0, duration_s=0.0, unread={}, calls=(), attempts=())


HOUR = "2026-11-24T10:00:00Z"
FIRST_KEY, OTHER_KEY = Signer.of_seed(bytes(32)), Signer.of_seed(b"1" * 32)


def real(seed: int, server: str, *rules: str, probe: Signer = OTHER_KEY, at: str = HOUR) -> Facts:
    """As of a real network, with the receipt of the test server that has this name."""
    key = Signer.of_seed(server.encode() * 32)
    facts = replace(lab_check(seed, "clean", *rules), simulated=False, exchanges=(), started_at=at)
    facts = replace(facts, responder_key=raw_key_text(key.public))
    assert facts.receipt is not None
    seen = unseal_receipt(facts.receipt.body, facts.receipt.signature)
    told = replace(
        seen, probe_key=probe.public, responder_key=key.public, run_digest=run_digest(facts), started_at=at, ended_at=at
    )
    return replace(facts, receipt=SignedReceipt(*seal_receipt(told, key)))


FIRST, OTHER = real(3, "A", RULE, probe=FIRST_KEY), real(4, "B")


def written(facts: Facts, signer: Signer = OTHER_KEY) -> bytes:
    return write_check(facts, judge_check(facts)[1], signer)


def both(second: bytes, of: Facts = OTHER) -> bytes:
    """The first check's bundle with this second one."""
    return write_check(FIRST, judge_check(FIRST, second=of)[1], FIRST_KEY, second)


def test_both_come_back_and_are_judged_alike():
    data = both(written(OTHER))
    found = read_bundle(data)
    assert found.facts == FIRST
    assert found.second is not None
    assert found.second.facts is not None
    assert found.second.facts.responder_key == OTHER.responder_key
    judged = rejudge(found)
    assert judged.changes == ()
    assert judged.record["second"]["opinions"] == [
        {
            "app": "webrtc",
            "medium": "voice",
            "state": "restricted",
            "second": "ok",
            "agreement": "one_of_two",
            "log10_e": None,
        }
    ]
    assert [verdict.state for verdict in judged.verdicts] == ["restricted"]


def test_the_second_one_verifies_alone():
    taken_out = unpack_archive(both(written(OTHER)))[SECOND_PART]
    assert taken_out == written(OTHER)
    assert read_bundle(taken_out).facts is not None


def test_a_changed_second_one_is_found():
    parts = unpack_archive(both(written(OTHER)))
    changed = bytearray(parts[SECOND_PART])
    changed[len(changed) // 2] ^= 1
    with pytest.raises(BundleError):
        read_bundle(pack_archive({**parts, SECOND_PART: bytes(changed)}))
    with pytest.raises(BundleError):
        read_seal(pack_archive({**parts, SECOND_PART: written(real(5, "C"))}))
    with pytest.raises(BundleError, match="changed"):
        read_bundle(pack_archive({name: part for name, part in parts.items() if name != SECOND_PART}))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (written(real(4, "A")), "same test server"),
        (written(real(3, "B", RULE)), "same run"),
        (written(real(4, "B", probe=FIRST_KEY), FIRST_KEY), "same run"),
        (written(replace(OTHER, simulated=True)), "same run"),
        (write_capture(FINDINGS, {"calls": [], "attempts": []}, OTHER_KEY), "no check"),
        (both(written(OTHER)), "no check"),
    ],
    ids=["server", "seed", "key", "simulated", "recording", "third"],
)
def test_what_is_no_second_opinion(second: bytes, said: str):
    with pytest.raises(BundleError, match=said):
        read_bundle(both(second))


def test_readers_before_refuse_it_with_one_sentence(monkeypatch: pytest.MonkeyPatch):
    """They know the first two lists of parts."""
    data = both(written(OTHER))
    monkeypatch.setattr(
        form, "PARTS_OF_KIND", {"check": form.PARTS_OF_KIND["check"][:2], "capture": form.PARTS_OF_KIND["capture"]}
    )
    with pytest.raises(BundleError, match="one is there that does not belong"):
        read_bundle(data)
    assert read_bundle(unpack_archive(data)[SECOND_PART]).facts is not None


def at_home(seed: int, family: int, *rules: str, network: str = "AS64496", at: str = HOUR) -> Facts:
    """A check with server A over that version of IP."""
    facts, key = (
        real(seed, "A", *rules, probe=FIRST_KEY if family == 4 else OTHER_KEY, at=at),
        Signer.of_seed(b"A" * 32),
    )
    facts = replace(facts, family=family)
    assert facts.receipt is not None
    seen = unseal_receipt(facts.receipt.body, facts.receipt.signature)
    told = replace(seen, run_digest=run_digest(facts), network=network, country="XX")
    return replace(facts, receipt=SignedReceipt(*seal_receipt(told, key)))


WELL, HELD = at_home(4, 4), at_home(3, 6, RULE)


def over_both(second: Facts) -> Bundle:
    return read_bundle(write_check(WELL, judge_check(WELL, second=second)[1], FIRST_KEY, written(second)))


def test_what_is_found_over_the_other_version_of_ip_is_told():
    found = over_both(HELD)
    assert [one.state for one in rejudge(found).verdicts] == ["restricted"]
    assert [one.state for one in bundle_verdicts(found, "b")] == ["restricted"]


@pytest.mark.parametrize(
    "second",
    [
        replace(HELD, receipt=None),
        at_home(3, 6, RULE, at="2026-11-23T10:00:00Z"),
        at_home(3, 6, RULE, at="2026-11-24T12:00:00Z"),
    ],
    ids=["unsigned", "of another day", "two hours later"],
)
def test_nothing_stands_under_a_signature_that_was_given_for_the_other_version_of_ip(second: Facts):
    found = over_both(second)
    assert [one.state for one in rejudge(found).verdicts] == ["ok"]
    assert [one.state for one in bundle_verdicts(found, "b")] == ["ok"]


def test_what_came_by_another_network_counts_nowhere_for_the_first_ones():
    found = over_both(at_home(3, 6, RULE, network="AS64497"))
    assert [one.state for one in rejudge(found).verdicts] == ["restricted"], "the device itself is told"
    assert [one.state for one in bundle_verdicts(found, "b")] == ["ok"]


UNVOUCHED = {
    "blanked": replace(OTHER, responder_key=""),
    "named": replace(OTHER, responder_key="C" * 43),
    "without a receipt": replace(OTHER, responder_key="C" * 43, receipt=None),
    "of another day": real(4, "B", at="2020-01-01T10:00:00Z"),
    "two hours later": real(4, "B", at="2026-11-24T12:00:00Z"),
    "the same server": replace(real(4, "A"), responder_key=""),
}


@pytest.mark.parametrize("name", UNVOUCHED)
def test_nothing_is_said_of_agreement_without_two_servers_receipts(name: str):
    """One test server that lies, or whoever writes the facts, makes up no second opinion."""
    second = UNVOUCHED[name]
    record = judge_check(FIRST, second=second)[1]
    assert record["second"]["opinions"] == []
    assert second_server_lines(record) == []
    judged = rejudge(read_bundle(both(written(second), second)))
    assert judged.record["second"]["opinions"] == []


def test_nothing_is_said_either_where_the_first_has_no_receipt():
    unsigned = replace(FIRST, receipt=None)
    assert judge_check(unsigned, second=OTHER)[1]["second"]["opinions"] == []


def test_an_hour_apart_is_within_the_hour():
    later = real(4, "B", at="2026-11-24T11:00:00Z")
    assert len(judge_check(FIRST, second=later)[1]["second"]["opinions"]) == 1
