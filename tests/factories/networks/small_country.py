"""A country small enough for tests."""

from __future__ import annotations

from pathlib import Path

from talkpath.lab.country.settings import CountrySettings, read_country

TEXT = """
name = "small"
days = ["2025-08-10", "2025-08-13", "2025-08-14"]
media = ["voice"]
lies = ["media.drop,app=whatsapp,p=0.6"]

[people]
population = 100
checks = 1

[[messengers]]
id = "whatsapp"
variant = "fast20"
audience = { "2025-08" = 80 }

[[messengers]]
id = "telegram"
variant = "tgcalls"
audience = { "2025-08" = 60 }
complies_on = "2025-08-14"

[[operators]]
network = "AS64496"
users = 60
mechanism = "drop"

[[operators]]
network = "AS64497"
users = 40
mechanism = "setup"
onset_days = 1

[[orders]]
id = "one"
says = "Calls are limited."
begin = "2025-08-12"
until_complied = true

[[orders.acts]]
app = "whatsapp"
mechanism = "drop"
rules = ["media.drop,direction=up,p=0.6"]

[[orders.acts]]
app = "whatsapp"
mechanism = "setup"
rules = ["stun.drop"]

[[orders.acts]]
app = "telegram"
rules = ["stun.drop"]
messages = true
"""


def small_country_settings(folder: Path, *changes: tuple[str, str]) -> CountrySettings:
    """The country, with some of its text changed."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "small.toml").write_text(text)
    return read_country(folder / "small.toml")
