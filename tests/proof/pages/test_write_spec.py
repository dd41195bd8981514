"""The catalogue of mechanisms: every number that a rule or a page cites is explained, once, with its sources."""

from __future__ import annotations

import re
from pathlib import Path

from proof.pages import write_spec
from talkpath.verdict.rules import all_rules

ROOT = Path(__file__).parents[3]
CITED = re.compile(r"(?<![\w/.-])([MN][01]\d)(?![\w.-])")


def entries() -> dict[str, dict[str, object]]:
    found = write_spec.mechanism_catalogue()
    return {one["id"]: one for one in (*found["mechanism"], *found["innocent"])}


def test_the_numbers_have_no_gap_and_no_double():
    found = write_spec.mechanism_catalogue()
    assert [one["id"] for one in found["mechanism"]] == [
        f"M{number + 1:02}" for number in range(len(found["mechanism"]))
    ]
    assert [one["id"] for one in found["innocent"]] == [f"N{number:02}" for number in range(1, 9)]


def test_rules_name_mechanisms_that_are_explained():
    named = {one for rule in all_rules().values() for one in rule.mechanisms}
    assert named <= entries().keys()


def test_each_mechanism_is_told_by_a_rule_or_says_what_tells_it():
    named = {one for rule in all_rules().values() for one in rule.mechanisms}
    silent = [key for key, entry in entries().items() if key not in named and not entry.get("told_by")]
    assert silent == []
    both = [
        one["id"] for one in write_spec.mechanism_catalogue()["mechanism"] if one["id"] in named and "told_by" in one
    ]
    assert both == []


def test_each_entry_has_a_public_source():
    for key, entry in entries().items():
        sources = entry["sources"]
        assert isinstance(sources, list), key
        assert sources, key
        assert all(url.startswith("https://") for url in sources), key


def test_what_code_and_pages_cite_is_in_the_catalogue():
    paths = [*ROOT.glob("src/**/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("spec/*.md")]
    cited = {one for path in paths for one in CITED.findall(path.read_text(encoding="utf-8"))}
    assert len(cited) >= 18
    assert cited <= entries().keys()


def test_the_page_names_the_rules_beside_their_mechanisms():
    page = write_spec.rules_page()
    row = next(line for line in page.splitlines() if line.startswith("| M03 |"))
    assert "`media.freeze`, `udp.freeze`" in row
