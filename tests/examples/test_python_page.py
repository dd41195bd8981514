"""docs/python.md: its code runs from top to bottom, and its table names all that is public."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

import talkpath
from talkpath.conduct import endpoint_questions, run_check
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.own_addresses import OwnAddressCase, ask_own_addresses
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scenario import Scenario
from talkpath.probe.endpoint_engine import Request

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
LAB = Path(__file__).parents[1] / "capture" / "lab"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def morning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with recordings and bundles; the test server of the link is the lab's, in virtual time."""
    (tmp_path / "recordings").mkdir()
    for file in LAB.glob("*-far.pcap.gz"):
        shutil.copy(file, tmp_path / "recordings")
    (tmp_path / "bundles").mkdir()
    for name, rule in (("monday", ()), ("tuesday", "media.drop,app=telegram,p=0.3")):
        talkpath.simulate(rule, apps=["telegram", "webrtc"]).save(tmp_path / "bundles" / f"{name}.talkpath")

    def run(request: Any, link: Any, key: bytes, observer: Any) -> Any:
        return run_sim(request.plan, Scenario.parse("clean", (), 1))

    def ask(chosen: Any, tier: int, *, on_request: Any, **_: Any) -> Any:
        on_request(Request(1, chosen.rows[0], "stun", 1))
        rule = parse_rule("udp.block,app=telegram,to=app")
        return ask_own_addresses(OwnAddressCase(4, parse_background("clean"), rules=(rule,)))[0]

    monkeypatch.setattr(run_check, "run_check", run)
    monkeypatch.setattr(endpoint_questions, "ask_endpoints", ask)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.long
def test_the_code_of_the_page_runs(morning: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BLOCKS) >= 6
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's libraries
        for number, block in enumerate(BLOCKS):
            exec(compile(block, f"docs/python.md, block {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    assert "webrtc 8 s insufficient ('media.drop',)" in printed
    assert "The bundle was changed" in printed
    assert "No sign of restriction" in printed
    assert (morning / "check.talkpath").exists()
    assert "telegram insufficient None ('address.block',)" in printed
    assert talkpath.verify(morning / "servers.talkpath").kind == "endpoints"
    assert "[('webrtc', 'ok')]" in printed
    assert names["judgement"].verdicts
    assert set(names["calls"]["file"]) >= {"voice-far.pcap.gz"}


def test_the_table_names_all_that_is_public() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## All names")[2]
    first_cells = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    named = {re.split(r"\W", name)[0] for name in re.findall(r"`([^`]+)`", first_cells)}
    results = {"Verification", "Judgement"}  # told in the rows of the functions that give them
    assert named | results == set(talkpath.__all__)
    assert all(f"`{name}`" in table for name in results)


@pytest.mark.parametrize(
    "record", ["Recording", "Result", "EndpointResult", "Bundle", "Verification", "Judgement", "CheckProgress"]
)
def test_the_members_that_the_table_names_are_there(record: str) -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## All names")[2]
    *_, row = [line for line in table.splitlines() if line.startswith("|") and f"`{record}`" in line]
    members = re.findall(r"`(\w+)(?:\(\))?`", row.partition(f"`{record}`")[2])
    kind = getattr(talkpath, record)
    fields = {*getattr(kind, "__annotations__", {}), *getattr(kind, "__struct_fields__", ()), *dir(kind)}
    assert members
    assert [name for name in members if name not in fields] == []
