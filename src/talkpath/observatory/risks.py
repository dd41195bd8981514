"""The known risks of running a check, by country (data/risks.toml), as docs/risks.md and a page show them.

Every fact has a public source and the day on which it was looked up. It is not legal advice.
"""

from __future__ import annotations

from msgspec import Struct

from talkpath.observatory.data_files import DATA_FOLDER, decode_toml


class Fact(Struct, frozen=True, forbid_unknown_fields=True):
    """One fact with its source. `by` names the source for people."""

    says: str
    by: str
    source: str


class CountryRisks(Struct, frozen=True, forbid_unknown_fields=True):
    """One country (ISO 3166-1 alpha-2), and the day on which its facts were looked up."""

    code: str
    name: str
    looked_up: str
    facts: tuple[Fact, ...]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    country: tuple[CountryRisks, ...]


def load_risks() -> tuple[CountryRisks, ...]:
    """All countries, in the order of the file."""
    return decode_toml("risks.toml", (DATA_FOLDER / "risks.toml").read_text(encoding="utf-8"), _File).country
