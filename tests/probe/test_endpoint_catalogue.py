"""The catalogue: what is shipped, what a person's own may say, and what is chosen from it."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest

from talkpath.apps import apps
from talkpath.errors import FileError, UsageError
from talkpath.probe.endpoint_catalogue import SHIPPED_CATALOGUE, choose_endpoints, read_catalogue

ROW = """[[endpoint]]
id = "{id}"
app = "{app}"
kind = "{kind}"
host = "{host}"
port = {port}
tier = {tier}
source = "a capture"
date = 2026-11-01
confidence = "high"
"""


def row(id: str = "one", app: str = "signal", kind: str = "tls", host: str = "signal.example", port: int = 443,
        tier: int = 1) -> str:  # fmt: skip
    return ROW.format(id=id, app=app, kind=kind, host=host, port=port, tier=tier)


CONTROLS = row("n", "", "tls", "neutral.example") + row("r", "", "resolver", "192.0.2.53", 53, 0)


def written(folder: Path, text: str) -> Path:
    file = folder / "catalogue.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_one_names_a_source_and_a_date_for_every_row() -> None:
    rows = read_catalogue()
    assert all(each.source and each.date.year >= 2024 for each in rows)
    assert {each.app for each in rows} - {""} <= set(apps())
    assert {each.kind for each in rows if not each.app} == {"stun", "stun-tcp", "tcp", "tls", "resolver"}
    assert SHIPPED_CATALOGUE.is_file()


@pytest.mark.parametrize("tier", [0, 1, 2])
def test_every_app_of_it_can_be_asked_from_the_tier_of_its_first_row_on(tier: int) -> None:
    """FaceTime's one public server is asked for what the app itself does: that is tier 2."""
    rows = read_catalogue()
    askable = {each.app for each in rows if tier == 0 or each.tier <= tier} - {""}
    assert {each.app for each in rows} - askable <= {"", "facetime"}
    for app in askable:
        chosen = choose_endpoints(rows, [app], tier)
        assert {each.app for each in chosen.rows} == {app}
        assert chosen.names_only == (tier == 0)
        assert all(each.tier <= tier or tier == 0 for each in chosen.rows)
        assert {each.kind for each in chosen.rows} == {each.kind for each in chosen.neutral}


def test_the_lowest_tier_asks_names_only_and_no_bare_address() -> None:
    chosen = choose_endpoints(read_catalogue(), ["telegram"], 0)
    assert chosen.rows
    for each in chosen.rows:
        with pytest.raises(ValueError, match="IPv4"):
            ip_address(each.host)


def test_a_source_grows_old() -> None:
    (found,) = [each for each in read_catalogue() if each.id == "telegram-dc1"]
    assert found.known(date(2026, 11, 24)) == "high"
    assert found.known(date(2028, 1, 1)) == "low"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("endpoint = 3", "cannot be read"),
        ("[[endpoint", "cannot be read"),
        (row().replace("tier = 1", "tier = 7"), "row 'one'"),
        (row(port=0), "row 'one'"),
        (row(host="a\\u001bb"), "row 'one'"),
        (row(kind="icmp"), "cannot be read"),
        (row() + row(), "two rows of one id"),
        (row(kind="resolver", app=""), "give its address"),
        (row() + "more = 1\n", "cannot be read"),
    ],
)
def test_no_catalogue(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_catalogue(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"):
        read_catalogue(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("apps", "tier", "text", "said"),
    [
        ([], 1, row() + CONTROLS, "Choose whose servers"),
        (["viber"], 1, row() + CONTROLS, "no app 'viber'; it has signal"),
        (["signal"], 1, row(tier=2) + CONTROLS, "higher --tier"),
    ],
)
def test_nothing_to_ask(tmp_path: Path, apps: list[str], tier: int, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose_endpoints(read_catalogue(written(tmp_path, text)), apps, tier)


@pytest.mark.parametrize(
    ("tier", "text", "said"),
    [
        (1, row(), "lacks a neutral host"),
        (1, row(kind="stun") + CONTROLS, "lacks a neutral host"),
        (0, row() + CONTROLS.replace("neutral.example", "192.0.2.1"), "with a name"),
    ],
)
def test_nothing_to_compare_with(tmp_path: Path, tier: int, text: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        choose_endpoints(read_catalogue(written(tmp_path, text)), ["signal"], tier)
