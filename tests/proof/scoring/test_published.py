"""The numbers of a method page are counted as the goals are."""

from __future__ import annotations

from pathlib import Path

import msgspec
from made_rows import BATTERY, RIGHT, battery, row
from msgspec.structs import replace

from proof.scoring.published import PublishedRates, published_rates, write_published_rates

OK = ("ok",) * len(BATTERY)


def test_false_words_and_wrong_rules_are_counted_apart(tmp_path: Path) -> None:
    wrong = replace(RIGHT, rule="media.police", parameters={}, wrong=("rule",))
    rows = [battery("restricted", *OK[1:]), battery(*OK, seed=2), row(RIGHT), row(wrong)]
    found = published_rates(rows, "c0de")
    assert (found.code, found.checks, found.untouched, found.false) == ("c0de", 4, 2 * len(BATTERY), 1)
    assert (found.said, found.wrong) == (2, 1)
    assert 1 / (2 * len(BATTERY)) < found.false_at_most < 1
    assert found.at_most_one_in == int(1 / found.false_at_most)
    write_published_rates(tmp_path / "numbers.json", found)
    assert msgspec.json.decode((tmp_path / "numbers.json").read_bytes(), type=PublishedRates) == found
