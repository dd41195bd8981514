"""Cells of CSV are values, whatever is in them."""

from __future__ import annotations

import pytest

from talkpath.observatory.web.csv_tables import _cell


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\x1b[31m", "\u202eline"])
def test_no_cell_begins_a_formula_or_steers_a_terminal(name: str):
    cell = _cell(name)
    assert isinstance(cell, str)
    assert cell.startswith(("'", "\\"))
    assert not set("\t\r\x1b\u202e") & set(cell)
