"""Which rules are in force when, where, for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories.networks.small_country import small_country_settings
from talkpath.lab.country.play import rules_of, silenced_apps

WHATSAPP_DROP, WHATSAPP_SETUP = "media.drop,app=whatsapp,direction=up,p=0.6", "stun.drop,app=whatsapp"
TELEGRAM = "stun.drop,app=telegram"


@pytest.mark.parametrize(
    ("operator", "day", "expected"),
    [
        (0, "2025-08-11", ()),
        (0, "2025-08-12", (WHATSAPP_DROP, TELEGRAM)),
        (0, "2025-08-13", (WHATSAPP_DROP, TELEGRAM)),
        (0, "2025-08-14", (WHATSAPP_DROP,)),  # Telegram complied
        (1, "2025-08-12", ()),  # a day later
        (1, "2025-08-13", (WHATSAPP_SETUP, TELEGRAM)),
        (1, "2025-08-14", (WHATSAPP_SETUP, TELEGRAM)),  # and as late in lifting it
        (1, "2025-08-15", (WHATSAPP_SETUP,)),
    ],
)
def test_orders_operators_and_conditions(tmp_path: Path, operator: int, day: str, expected: tuple[str, ...]):
    country = small_country_settings(tmp_path)
    assert rules_of(country, country.operators[operator], day) == expected
    assert silenced_apps(country, country.operators[operator], day) == (("telegram",) if TELEGRAM in expected else ())


def test_an_order_ends_before_its_last_day(tmp_path: Path):
    country = small_country_settings(tmp_path, ("until_complied = true", 'end = "2025-08-14"'))
    first = country.operators[0]
    assert rules_of(country, first, "2025-08-13") == (WHATSAPP_DROP, TELEGRAM)
    assert rules_of(country, first, "2025-08-14") == ()


def test_without_the_condition_complying_changes_nothing(tmp_path: Path):
    country = small_country_settings(tmp_path, ("until_complied = true\n", ""))
    assert rules_of(country, country.operators[0], "2026-01-01") == (WHATSAPP_DROP, TELEGRAM)
