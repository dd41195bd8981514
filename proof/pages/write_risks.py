"""Writes the countries of docs/risks.md from observatory/data/risks.toml.

    .venv/bin/python -m proof.pages.write_risks

tests/proof/pages/test_write_risks.py fails when the page is not current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from talkpath.observatory.risks import load_risks

RISKS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "risks.md"
PART = re.compile(r"(<!-- risks:[^>]*-->\n).*?(<!-- /risks -->)", re.DOTALL)


def country_lines() -> str:
    """A heading a country, a line a fact."""
    told = []
    for country in load_risks():
        facts = "\n".join(f"- {fact.says} ([{fact.by}]({fact.source}))" for fact in country.facts)
        told.append(f"### {country.name} ({country.code}), {country.looked_up}\n\n{facts}\n")
    return "\n" + "\n".join(told) + "\n"


def updated_page(page: str) -> str:
    """The whole page."""
    return PART.sub(lambda found: found[1] + country_lines() + found[2], page)


def main() -> int:
    """Write it."""
    RISKS_PAGE.write_text(updated_page(RISKS_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stderr.write(f"wrote {RISKS_PAGE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
