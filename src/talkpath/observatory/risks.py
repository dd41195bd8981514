"""The known risks of running a check, by country (data/risks.toml), as docs/risks.md and a page show them.

Every fact has a public source and the day on which it was looked up. It is not legal advice.

The error rates that the page of the method tells, as `make score` counted them last (data/error_rates.json).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.observatory.data_files import packaged_rows


class PublishedRates(Struct, frozen=True):
    """The published numbers. `untouched` counts arms that nothing acted on; `false` of them were called restricted, at
    most a share of `false_at_most` (95 %). `said` counts accusations of arms that something acts on; `wrong` of them
    named a wrong rule. `code` is the digest of the code that played, as in docs/error-rates.md."""

    code: str
    checks: int
    untouched: int
    false: int
    false_at_most: float
    said: int
    wrong: int

    @property
    def at_most_one_in(self) -> int:
        """Returns the reciprocal of `false_at_most`, rounded down."""
        return int(1 / self.false_at_most)


@cache
def error_rates() -> PublishedRates:
    """The error rates that `make score` wrote last."""
    return msgspec.json.decode(
        Path(__file__).with_name("data").joinpath("error_rates.json").read_bytes(), type=PublishedRates
    )


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


def load_risks() -> tuple[CountryRisks, ...]:
    """All countries, in the order of the file."""
    return packaged_rows("risks.toml", "country", CountryRisks)
