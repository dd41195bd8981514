"""The page and its pictures depend on rows alone, are deterministic and well-formed, and have no broken links."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from made_rows import BATTERY, FINE, MISSED, RIGHT, battery, row
from msgspec.structs import replace

from proof.scoring.driver_agreement import paired_rows
from proof.scoring.page.pictures import score_pictures
from proof.scoring.page.write import write_score_page
from proof.scoring.row import CheckRow

OK = ("ok",) * len(BATTERY)
SPEED = replace(RIGHT, known_at_s=2.0)


def rows() -> list[CheckRow]:
    return [
        *(row(RIGHT, seed=n) for n in range(5)),
        row(MISSED, seed=5),
        row(replace(RIGHT, direction="both", wrong=("direction",)), seed=6),
        *(battery(*OK, seed=10 + n, background=name) for n, name in enumerate(("clean", "ge", "outage"))),
        *(row(SPEED, seed=20 + n, study="speed", blocks=100) for n in range(12)),
        row(FINE, seed=40),
        *(row(MISSED, seed=50 + n, study="late", lateness="now and then", onset_s=4.0 * n) for n in range(3)),
        row(FINE, seed=60, study="light"),
        row(MISSED, seed=61, study="light"),
    ]


def written(tmp_path: Path, some: list[CheckRow]) -> str:
    page = tmp_path / "error-rates.md"
    real = [row(MISSED, seed=1, driver="netns")]
    write_score_page(page, some, paired_rows(some, real), [], "code")
    return page.read_text(encoding="utf-8")


def test_every_heading_has_something_to_say(tmp_path: Path) -> None:
    text = written(tmp_path, rows())
    parts = re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]
    assert len(parts) > 12
    assert all(part.partition("\n")[2].strip() for part in parts)


def test_it_says_which_seeds_were_played(tmp_path: Path) -> None:
    nothing_restricted = [battery(*OK, seed=number) for number in (7, 9)]
    some = [row(RIGHT, seed=number) for number in range(5)]
    assert "5 checks in virtual time, seeds 0 to 4, drawn" in written(tmp_path, some)
    words = "seeds 0 to 4, and 2 of those up to 9 where nothing is restricted, drawn"
    assert words in written(tmp_path, [*some, *nothing_restricted])


def test_numbers_are_the_rows(tmp_path: Path) -> None:
    text = written(tmp_path, rows())
    assert "| `media.drop` | 7 | 85.7% [42.1%, 99.6%] |" in text
    assert "| all by code | 2 | 0 (≤ 0.84189) |" in text  # WhatsApp's, in the two checks of all apps at large
    assert "| from shape files | 7 | 85.7% [42.1%, 99.6%] |" in text
    assert "seed 6, media.drop, clean, 1 arms: restricted media.drop both" in text
    assert "seed 1, media.drop, clean, webrtc/dtls/voice: state" in text
    assert "| now and then | 0 to 5 | 2 | 100.0% [15.8%, 100.0%] | 0% | 0% |" in text
    assert "| one arm | 1 | 0.0% [0.0%, 97.5%] |" in text.partition("with fewer bytes\n")[2]
    assert "outage" in text.partition("## Backgrounds that nobody tuned to")[2]


def test_no_cell_is_lost(tmp_path: Path) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", written(tmp_path, rows()), flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_pictures_are_there_and_well_formed(tmp_path: Path) -> None:
    text = written(tmp_path, rows())
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(shown) == 3
    for name in shown:
        root = ElementTree.fromstring((tmp_path / name).read_text(encoding="utf-8"))
        assert root.tag.endswith("svg")
        assert root.find("{http://www.w3.org/2000/svg}desc") is not None


def test_the_confusion_says_the_counts() -> None:
    numbers = re.findall(r">(\d+)</text>", score_pictures(rows())["confusion.svg"])
    assert sorted(numbers) == ["1", "3", "6"]


def test_the_same_rows_give_the_same_page(tmp_path: Path) -> None:
    assert written(tmp_path, rows()) == written(tmp_path, rows())


def test_of_no_rows_there_is_a_page_too(tmp_path: Path) -> None:
    assert "0 checks" in written(tmp_path, [])
