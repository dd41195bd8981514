"""The tables count what rows say; the page that is kept holds what is promised."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from proof.app_servers.cases import study_of
from proof.app_servers.row import OwnRow, Study
from proof.app_servers.run import seeds_of
from proof.app_servers.tables import own_page_lines

PAGE = Path(__file__).parents[3] / "docs" / "own-address-rates.md"


def row(study: Study, background: str = "clean", **more: object) -> OwnRow:
    return OwnRow(1, "code", study, background, "telegram", **more)  # type: ignore[arg-type]


def ruled(study: Study, background: str = "clean", truth: str = "media.drop", **said: object) -> OwnRow:
    told = {"state": "restricted", "rule": truth, "said_bound": "both", "direction": "up", "hop": (2.0, 2.0)} | said
    return row(study, background, truth=truth, bound="both", at=2, **told)


UNSURE = {"state": "insufficient", "why": "few_answers", "rule": "", "said_bound": "", "direction": ""}
ROWS = [
    row("innocent", state="ok", most_greetings=30),
    row("innocent", "ge", state="insufficient", why="few_answers"),
    ruled("ruled"),
    ruled("ruled", said_bound="shape"),
    ruled("poor", "corporate", **UNSURE),
    ruled("poor", "nat_rebind", "media.freeze", **UNSURE),
    ruled("poor", "ge"),
    row("hello innocent", state="ok", trouble="busy"),
    row("hello innocent", state="insufficient", why="outage", trouble="all_down"),
    ruled("hello ruled", "clean", "tls.hello_drop"),
    ruled("name ruled", "clean", "signalling.block", trouble="all_down"),
    ruled("name ruled", "ge", "signalling.block", **UNSURE),
    row("calls innocent", trouble="outage", calls=3, fitting=2),
    row("calls innocent", "ge", trouble="dtx", calls=3, fitting=1),
    row("calls ruled", truth="media.drop", calls=3, fitting=3, first=2, state="restricted"),
]


def test_the_tables_count_rows() -> None:
    text = "\n".join(own_page_lines(ROWS))
    assert "`endpoints --tier 3`: 7 networks" in text
    assert "Without a rule: 0 of 2 (0.00 to" in text
    assert "With a rule, on a clean line: 1 of 2 (" in text
    assert "on all seen backgrounds: 1 of 3 (" in text
    assert "without these 1 of 2 (" in text
    assert "as well 1 of 1 (" in text
    assert "| `corporate` | 1 | 0 | 0 | 0 | 1 |" in text
    assert "Direction: 3 of 3 named rules act up" in text
    assert '0 of 2 (0.00 to 84.19 %) say "signs of restriction"' in text
    assert "| all of them are | 1 | 0 | 0 | 1 | 0 | 0 |" in text
    assert "1 of 1 (2.50 to 100.00 %) (without `user_vpn` 1 of 1 (2.50 to 100.00 %)) name the right message" in text
    assert "1 of 2 (1.26 to 98.74 %) (without `user_vpn` 1 of 2 (1.26 to 98.74 %)) name it" in text
    assert "Without a rule 0 of 2 (0.00 to 84.19 %) threes prove one, and 1 of 3 (" in text
    assert "| outage | 3 | 2 | 0 of 1 |" in text
    assert "| `media.drop` | 3 | 2 | 1 | 1 of 1 |" in text


def test_studies_without_rows_have_no_table() -> None:
    text = "\n".join(own_page_lines(ROWS[:4]))
    assert "tls.hello_drop" not in text
    assert "threes" not in text


def test_the_page_says_how_it_is_played_again_and_by_which_code_each_study_was_played() -> None:
    newer = [replace(row, code="newer") for row in ROWS if row.study.startswith("calls")]
    text = "\n".join(own_page_lines([*(row for row in ROWS if not row.study.startswith("calls")), *newer]))
    assert "| innocent | 2 | `code` |" in text
    assert "| calls ruled | 1 | `newer` |" in text


def test_the_commands_of_the_page_play_its_rows_and_no_others() -> None:
    every = {seed: study_of(seed)[0] for seed in range(2000)}
    chosen = [*range(130), *(seed for seed in range(130, 700) if every[seed] == "calls innocent")]
    text = "\n".join(own_page_lines([replace(row(every[seed]), seed=seed) for seed in chosen]))
    commands = re.findall(r'    python -m proof score --own (\d+)(?: --study "(.*)")?\n', text)
    played = [islice(seeds_of([study] if study else []), int(count)) for count, study in commands]
    assert sorted({seed for seeds in played for seed in seeds}) == sorted(chosen)
    assert [study for _, study in commands] == ["", "calls innocent"]


def test_what_the_page_promises_holds() -> None:
    text = PAGE.read_text(encoding="utf-8")
    false, innocent = map(int, re.search(r"Without a rule: (\d+) of (\d+) ", text).groups())  # type: ignore[union-attr]
    right, of_clean = map(int, re.search(r"clean line: (\d+) of (\d+) ", text).groups())  # type: ignore[union-attr]
    told, of_told = map(int, re.search(r"as well (\d+) of (\d+) ", text).groups())  # type: ignore[union-attr]
    named, up = re.search(r"Direction: (\d+) of (\d+) named", text).groups()  # type: ignore[union-attr]
    assert (false, innocent >= 3000) == (0, True)
    assert right >= 0.9 * of_clean
    assert told >= 0.9 * of_told
    assert named == up
    assert "**Nothing arrives**: 0 packets" in text
