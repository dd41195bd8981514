"""Writes src/talkpath/observatory/data/countries.json: each country's square on the map, and its names.

    .venv/bin/python -m proof.pages.write_countries

A country's square is the free one nearest to where its first place lies (zone.tab of the tz database, which is in the
public domain): all squares are given at once, so that the sum of squared distances is smallest. Names are those of
Unicode's CLDR (Unicode licence), as Babel has them. Run it again when a country comes or goes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from babel import Locale
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from talkpath.report.words.language import language_codes

OUT = Path(__file__).resolve().parents[2] / "src" / "talkpath" / "observatory" / "data" / "countries.json"
ZONES = Path("/usr/share/zoneinfo/zone.tab")
COLUMNS, ROWS = 32, 21
NORTH, SOUTH = 72.0, -48.0
WEST, EAST = -125.0, 178.0
ELSEWHERE = {"RU": "Asia/Yekaterinburg", "US": "America/Chicago", "CA": "America/Winnipeg", "BR": "America/Cuiaba",
             "AU": "Australia/Adelaide", "MX": "America/Mexico_City", "ID": "Asia/Jakarta"}  # fmt: skip
LEFT_OUT = {"AQ", "BV", "HM", "TF", "GS", "IO", "UM"}  # nobody lives there for good


def country_towns() -> dict[str, tuple[float, float]]:
    """Country -> (latitude, longitude) of the first place of each, or of that in ELSEWHERE."""
    found: dict[str, tuple[float, float]] = {}
    lines = [line.split("\t") for line in ZONES.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    for code, place, zone, *_ in lines:
        ends = re.fullmatch(r"([+-]\d+)([+-]\d+)", place)
        if ends and code not in LEFT_OUT and ELSEWHERE.get(code, zone) == zone:
            found.setdefault(code, (read_degrees(ends[1], 2), read_degrees(ends[2], 3)))
    return found


def read_degrees(text: str, digits: int) -> float:
    """ISO 6709: ±DDMM or ±DDDMM, with or without seconds."""
    return float(text[0] + "1") * (int(text[1 : 1 + digits]) + int(text[1 + digits : 3 + digits]) / 60)


def country_squares(places: dict[str, tuple[float, float]]) -> dict[str, tuple[int, int]]:
    """Country -> (column, row)."""
    cells = np.array([(column, row) for row in range(ROWS) for column in range(COLUMNS)], float)
    wanted = np.array([wanted_square(*place) for place in places.values()])
    apart = ((wanted[:, None, :] - cells[None, :, :]) ** 2).sum(axis=2)
    chosen = linear_sum_assignment(apart)[1]
    return {code: (int(cells[at][0]), int(cells[at][1])) for code, at in zip(places, chosen, strict=True)}


def wanted_square(latitude: float, longitude: float) -> tuple[float, float]:
    """Where the place would lie if squares could overlap."""
    column = (longitude - WEST) / (EAST - WEST) * (COLUMNS - 1)
    return column, (NORTH - latitude) / (NORTH - SOUTH) * (ROWS - 1)


def main() -> None:
    """The whole file, one country a line."""
    locales = {code: Locale.parse(code).territories for code in language_codes()}
    known = {
        code: {"at": at, **{name: names[code] for name, names in locales.items()}}
        for code, at in sorted(country_squares(country_towns()).items())
    }
    lines = [f'"{code}": {json.dumps(row, ensure_ascii=False)}' for code, row in known.items()]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
