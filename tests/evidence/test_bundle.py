"""A bundle comes back as it was, and any change anywhere in the file is found."""

from __future__ import annotations

import io
import zipfile
from random import Random

import pytest

from talkpath.errors import BundleError
from talkpath.evidence.bundle import read_bundle, write_bundle
from talkpath.measure.facts import ArmPlan, Facts, Plan

FACTS = Facts(plan=Plan(arms=(ArmPlan("webrtc", "dtls", "voice"),)), seed=bytes(range(32)), started_at="2026-11-24")
DATA = write_bundle(FACTS, {"schema": "talkpath.check/1", "verdicts": []}, [])


def test_it_comes_back() -> None:
    bundle = read_bundle(DATA)
    assert bundle.facts == FACTS
    assert bundle.verdict == {"schema": "talkpath.check/1", "verdicts": []}
    assert bundle.signatures == []


def test_every_single_bit_counts() -> None:
    draws = Random(7)
    for bit in sorted(draws.sample(range(8 * len(DATA)), 1500)):
        changed = bytearray(DATA)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BundleError):
            read_bundle(bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 30, len(DATA) // 2, len(DATA) - 1])
def test_a_file_cut_short_is_found(size: int) -> None:
    with pytest.raises(BundleError):
        read_bundle(DATA[:size])


def test_something_appended_is_found() -> None:
    with pytest.raises(BundleError):
        read_bundle(DATA + b"x")


def test_another_zip_is_none() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}")
    with pytest.raises(BundleError, match="not one that talkpath wrote"):
        read_bundle(buffer.getvalue())
