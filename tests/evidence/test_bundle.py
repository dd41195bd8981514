"""A bundle comes back as it was, and any change anywhere in the file is found."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Mapping
from random import Random

import msgspec
import pytest

from factories.checks.lab_checks import lab_bundle, lab_check
from talkpath.errors import BundleError
from talkpath.evidence import bundle as form
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import read_bundle, read_facts, write_capture, write_check
from talkpath.measure.call import Findings
from talkpath.report.check_json import judge_check
from talkpath.report.rejudge import verdict_changes
from talkpath.wire.control.keys import Signer

FACTS = lab_check()
DATA, OTHER = lab_bundle(FACTS), lab_bundle(lab_check(seed=4))
FINDINGS = Findings(packets=0, duration_s=0.0, unread={}, calls=(), attempts=())
CHANGES = 10_000


def refused(data: bytes) -> bool:
    try:
        read_bundle(data)
    except BundleError:
        return True
    return False


def test_it_comes_back() -> None:
    found = read_bundle(DATA)
    assert found.facts == FACTS
    assert found.facts is not None
    assert found.facts.receipt is not None
    assert found.receipt is not None
    assert (found.receipt.network, found.receipt.country) == ("AS64496", "XX")
    assert found.simulated
    assert verdict_changes(found.verdict["verdicts"], judge_check(FACTS)[1]["verdicts"]) == []
    assert lab_bundle(FACTS) == DATA


def test_ten_thousand_changes_are_found() -> None:
    """Single bits anywhere, files cut short, parts of another run's bundle in place of its own."""
    draws = Random(7)
    mine, other = unpack_archive(DATA), unpack_archive(OTHER)
    missed = []
    for number in range(CHANGES):
        kind = draws.choices(("bit", "cut", "swap"), (8, 1, 1))[0]
        if kind == "bit":
            changed = bytearray(DATA)
            changed[draws.randrange(len(DATA))] ^= 1 << draws.randrange(8)
        elif kind == "cut":
            changed = bytearray(DATA[: draws.randrange(len(DATA))])
        else:
            names = draws.sample(list(mine), draws.randint(1, len(mine) - 1))
            changed = bytearray(pack_archive(mine | {name: other[name] for name in names}))
        if not refused(bytes(changed)):
            missed.append((number, kind))
    assert missed == []


def test_every_bit_of_the_headers_and_the_directory_counts() -> None:
    """All that is not content: the zip's own structures."""
    inside = set()
    for data in unpack_archive(DATA).values():
        at = DATA.index(data)
        inside |= set(range(at, at + len(data)))
    outside = [at for at in range(len(DATA)) if at not in inside]
    assert len(outside) > 300
    for at in outside:
        for bit in range(8):
            changed = bytearray(DATA)
            changed[at] ^= 1 << bit
            assert refused(bytes(changed)), (at, bit)


@pytest.mark.parametrize("name", unpack_archive(DATA))
def test_a_missing_part_is_found(name: str) -> None:
    parts = unpack_archive(DATA)
    del parts[name]
    assert refused(pack_archive(parts))


def test_parts_in_another_order_or_too_many_are_found() -> None:
    parts = unpack_archive(DATA)
    assert refused(pack_archive(dict(reversed(parts.items()))))
    assert refused(pack_archive(parts | {"note.txt": b"hello"}))
    assert refused(DATA + b"x")
    assert refused(DATA + DATA)


def rezipped(**changes: object) -> bytes:
    """The same parts, as Python writes a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in unpack_archive(DATA).items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            for key, value in changes.items():
                setattr(entry, key, value)
            archive.writestr(entry, data)
    return buffer.getvalue()


def test_any_zip_program_opens_it_and_python_s_writes_the_same_bytes() -> None:
    with zipfile.ZipFile(io.BytesIO(DATA)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == unpack_archive(DATA)
    assert rezipped() == DATA


@pytest.mark.parametrize(
    "change",
    [
        {"compress_type": zipfile.ZIP_DEFLATED},
        {"date_time": (2026, 11, 24, 20, 0, 0)},
        {"comment": b"x"},
        {"extra": b"\0\0\0\0"},
        {"external_attr": 0o100600 << 16},
        {"create_system": 0},
    ],
)
def test_the_same_parts_written_in_another_way_are_refused(change: Mapping[str, object]) -> None:
    assert refused(rezipped(**change))


def sealed(parts: Mapping[str, bytes], kind: str = "check") -> bytes:
    return form._sign_parts(kind, parts, Signer.fresh())


@pytest.mark.parametrize(
    "facts",
    [
        gzip.compress(b"x"),
        b"no gzip",
        gzip.compress(msgspec.msgpack.encode(FACTS)) + b"x",
        gzip.compress(msgspec.msgpack.encode(FACTS))[:-1],
        gzip.compress(bytes(form.MAX_FACTS_BYTES + 1)),
    ],
    ids=["no facts", "no gzip", "more", "less", "bomb"],
)
def test_signed_nonsense_is_a_sentence(facts: bytes) -> None:
    assert refused(sealed({form.FACTS_PART: facts, form.VERDICT_PART: unpack_archive(DATA)[form.VERDICT_PART]}))


def test_parts_of_no_kind_are_a_sentence() -> None:
    assert refused(sealed({form.VERDICT_PART: b""}, "check"))
    assert refused(sealed({}, "nonsense"))


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04", b"PK\x03\x04" + bytes(26), bytes(100), DATA[:40]])
def test_what_is_no_bundle_is_a_sentence(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"^The .*\.$"):
        read_bundle(data)


def test_the_form_before_this_one_is_told() -> None:
    manifest = b'{"schema":"talkpath.bundle/1","kind":"","written_by":"","key":"","parts":{}}'
    with pytest.raises(BundleError, match="a form that this talkpath does not read"):
        read_bundle(pack_archive({"manifest.json": manifest}))


def test_times_are_kept_to_the_hour_and_names_are_not_kept() -> None:
    facts = msgspec.structs.replace(FACTS, started_at="2026-11-24T20:17:33Z")
    found = read_bundle(write_check(facts, {"started_at": facts.started_at}, Signer.fresh()))
    assert found.facts is not None
    assert found.facts.started_at == found.verdict["started_at"] == "2026-11-24T20:00:00Z"
    capture = read_bundle(write_capture(FINDINGS, {"file": "anna.pcap"}, Signer.fresh()))
    assert capture.findings == FINDINGS
    assert capture.verdict == {"file": "-"}
    with pytest.raises(BundleError, match="holds a recording"):
        read_facts(write_capture(FINDINGS, {}, Signer.fresh()))
