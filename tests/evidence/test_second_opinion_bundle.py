"""A bundle may hold the bundle of a second opinion: another run, with another test server, or the whole is refused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_check
from talkpath.errors import BundleError
from talkpath.evidence import bundle as form
from talkpath.evidence.archive import pack, unpack
from talkpath.evidence.bundle import SECOND, read_bundle, read_seal, write_capture, write_check
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.report.rejudge import rejudge
from talkpath.wire.control.sign import Signer

RULE = "media.drop,app=webrtc,direction=up,p=0.5"
FINDINGS = Findings(packets=0, duration_s=0.0, unread={}, calls=(), attempts=())


def real(seed: int, server: str, *rules: str) -> Facts:
    """As of a real network, whose server signed nothing."""
    facts = lab_check(seed, "clean", *rules)
    return replace(facts, simulated=False, exchanges=(), receipt=None, responder_key=server * 43)


FIRST, OTHER = real(3, "A", RULE), real(4, "B")
FIRST_KEY, OTHER_KEY = Signer.of_seed(bytes(32)), Signer.of_seed(b"1" * 32)


def written(facts: Facts, signer: Signer = OTHER_KEY) -> bytes:
    return write_check(facts, judge_check(facts)[1], signer)


def both(second: bytes, of: Facts = OTHER) -> bytes:
    """The first check's bundle with this second one."""
    return write_check(FIRST, judge_check(FIRST, second=of)[1], FIRST_KEY, second)


def test_both_come_back_and_are_judged_alike():
    data = both(written(OTHER))
    found = read_bundle(data)
    assert found.facts == replace(FIRST, started_at=found.facts.started_at if found.facts else "")
    assert found.second is not None
    assert found.second.facts is not None
    assert found.second.facts.responder_key == OTHER.responder_key
    judged = rejudge(found)
    assert judged.changes == []
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
    taken_out = unpack(both(written(OTHER)))[SECOND]
    assert taken_out == written(OTHER)
    assert read_bundle(taken_out).facts is not None


def test_a_changed_second_one_is_found():
    parts = unpack(both(written(OTHER)))
    changed = bytearray(parts[SECOND])
    changed[len(changed) // 2] ^= 1
    with pytest.raises(BundleError):
        read_bundle(pack({**parts, SECOND: bytes(changed)}))
    with pytest.raises(BundleError):
        read_seal(pack({**parts, SECOND: written(real(5, "C"))}))
    with pytest.raises(BundleError, match="changed"):
        read_bundle(pack({name: part for name, part in parts.items() if name != SECOND}))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (written(real(4, "A")), "same test server"),
        (written(real(3, "B", RULE)), "same run"),
        (written(OTHER, FIRST_KEY), "same run"),
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
    monkeypatch.setattr(form, "KINDS", {"check": form.KINDS["check"][:2], "capture": form.KINDS["capture"]})
    with pytest.raises(BundleError, match="one is there that does not belong"):
        read_bundle(data)
    assert read_bundle(unpack(data)[SECOND]).facts is not None
