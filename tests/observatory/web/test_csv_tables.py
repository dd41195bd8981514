"""Cells of CSV are values, whatever is in them."""

from __future__ import annotations

from codecs import BOM_UTF8
from urllib.request import urlopen

import pytest

from talkpath.observatory.web.csv_tables import _cell


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\x1b[31m", "\u202eline"])
def test_no_cell_begins_a_formula_or_steers_a_terminal(name: str):
    cell = _cell(name)
    assert isinstance(cell, str)
    assert cell.startswith(("'", "\\"))
    assert not set("\t\r\x1b\u202e") & set(cell)


def test_true_and_false_are_written_as_in_json():
    assert [_cell(value) for value in (True, False, 0, "True")] == ["true", "false", 0, "True"]


def test_a_spreadsheet_knows_the_encoding(served: str):
    with urlopen(f"{served}/real/en/claims.csv") as answer:
        assert answer.read().startswith(BOM_UTF8 + b"id,date,")
