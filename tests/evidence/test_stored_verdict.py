"""The stored verdict is somebody's word: what readers use of it has the type that the spec gives it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from factories.checks.lab_checks import lab_bundle, lab_check
from talkpath.errors import BundleError, UsageError
from talkpath.evidence import bundle as form
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import Manifest, read_bundle, write_capture, write_check
from talkpath.evidence.compression import compress
from talkpath.evidence.known_responders import probe_signer
from talkpath.measure.call import Findings
from talkpath.wire.control.keys import Signer

FACTS = lab_check()
FINDINGS = Findings(packets=0, duration_s=0.0, unread={}, calls=(), attempts=())
VERDICT = {"app": "webrtc", "medium": "voice", "state": "ok", "rule": None, "direction": None, "log10_e": 1.5}
HIT = {"app": "a", "variant": "b", "medium": "voice", "rule": "stun.drop", "direction": "up", "parameters": {}}


@pytest.mark.parametrize("verdict", [{}, {"verdicts": [VERDICT]}, {"verdicts": [VERDICT], "truth": {"hit": [HIT]}}])
def test_what_a_check_writes_is_read(verdict: dict[str, Any]) -> None:
    assert read_bundle(write_check(FACTS, verdict, Signer.fresh())).verdict == verdict | {"started_at": ""}


@pytest.mark.parametrize(
    "verdict",
    [
        {"verdicts": 1},
        {"verdicts": ["ok"]},
        {"verdicts": [{"app": "webrtc"}]},
        {"verdicts": [VERDICT | {"log10_e": "much"}]},
        {"verdicts": [VERDICT | {"state": "x" * 201}]},
        {"truth": []},
        {"truth": {"hit": [{}]}},
        {"truth": {"hit": [HIT | {"more": 1}]}},
        {"truth": {"hit": [HIT | {"parameters": {"p": []}}]}},
    ],
)
def test_what_no_check_writes_is_refused(verdict: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="not what it should be"):
        read_bundle(write_check(FACTS, verdict, Signer.fresh()))


@pytest.mark.parametrize("verdict", [{"calls": 1}, {"calls": [{}]}, {"attempts": [{"verdict": []}]}])
def test_what_no_recording_gives_is_refused(verdict: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match="not what it should be"):
        read_bundle(write_capture(FINDINGS, verdict, Signer.fresh()))


def test_a_json_bomb_is_refused_before_it_is_laid_out() -> None:
    parts = {name: data for name, data in unpack_archive(lab_bundle(FACTS)).items() if name.endswith(".gz")}
    bomb = b'{"a":[' + b"{}," * (1 << 20) + b"{}]}"
    assert len(compress(bomb)) < 10_000
    with pytest.raises(BundleError, match="larger than any check's"):
        read_bundle(form._sign_parts("check", parts | {form.VERDICT_PART: compress(bomb)}, probe_signer()))


def test_a_recording_too_long_for_a_bundle_is_refused_when_it_is_written() -> None:
    with pytest.raises(UsageError, match="too long for one bundle"):
        write_capture(FINDINGS, {"calls": ["x" * (17 << 20)]}, Signer.fresh())
    with pytest.raises(UsageError, match="too long for one bundle"):
        write_capture(msgspec.structs.replace(FINDINGS, unread={"x" * (17 << 20): 1}), {}, Signer.fresh())


def written_by(name: str) -> bytes:
    parts = unpack_archive(lab_bundle(FACTS))
    manifest = msgspec.json.decode(parts[form.MANIFEST_PART], type=Manifest)
    encoded = msgspec.json.encode(msgspec.structs.replace(manifest, written_by=name))
    return pack_archive(
        parts
        | {form.MANIFEST_PART: encoded, form.SIGNATURE_PART: probe_signer().sign(form.BUNDLE_SIGNED_PREFIX + encoded)}
    )


@pytest.mark.parametrize("name", ["talkpath/0.1.0", "talkpath/0.2.0.dev1+local", "other-tool/2"])
def test_a_writer_s_name_and_version(name: str) -> None:
    assert read_bundle(written_by(name)).written_by == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "talkpath",
        "talkpath/0.1.0, signed with the key of this run, AAAA. A test server signed what came to it",
        "a/" + "1" * 39,
        "talkpath/0.1.0\n",
        "talkpath/“0”",
    ],
)
def test_a_writer_s_name_is_no_sentence(name: str) -> None:
    with pytest.raises(BundleError, match=r"program's name and version|not what it should be"):
        read_bundle(written_by(name))
