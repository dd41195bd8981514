"""docs/risks.md is current, and every fact in it has a day and a source."""

from __future__ import annotations

import re

from proof.pages import write_risks
from talkpath.observatory.risks import load_risks


def test_the_page_is_current():
    page = write_risks.RISKS_PAGE.read_text(encoding="utf-8")
    assert page == write_risks.updated_page(page), "run proof/pages/write_risks.py"
    assert all(country.name in page for country in load_risks())


def test_every_fact_has_a_source_and_every_country_a_day():
    for country in load_risks():
        assert re.fullmatch("[A-Z]{2}", country.code)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", country.looked_up)
        assert country.facts
        assert all(fact.source.startswith("http") and fact.by and fact.says.endswith(".") for fact in country.facts)


def test_it_is_no_legal_advice_and_says_so():
    assert "not legal advice" in write_risks.RISKS_PAGE.read_text(encoding="utf-8")
