"""The canonical zip: what was packed comes out again, and only what was packed so goes in."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import BundleError
from talkpath.evidence.archive import MOST_PARTS, pack_archive, unpack_archive

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
PARTS = st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=MOST_PARTS)


@given(PARTS)
def test_what_was_packed_comes_out(parts: dict[str, bytes]) -> None:
    data = pack_archive(parts)
    assert unpack_archive(data) == parts
    assert list(unpack_archive(data)) == list(parts)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert [archive.read(entry) for entry in archive.infolist()] == list(parts.values())


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda more: pack_archive({"a": b"b"}) + more))
def test_anything_else_is_refused_or_what_it_packs_to(data: bytes) -> None:
    try:
        parts = unpack_archive(data)
    except BundleError:
        return
    assert pack_archive(parts) == data


def test_a_name_stands_for_one_part() -> None:
    twice = pack_archive({"a": b"1", "b": b"2"}).replace(b"b", b"a")
    told_once = twice[:-14] + b"\x01\x00\x01\x00" + twice[-10:]
    for data in (twice, told_once):
        with pytest.raises(BundleError, match="was changed"):
            unpack_archive(data)
