"""What `check` says of facts that are known: exit codes of --gate, JSON by its schema, the same verdicts again; and
what `talkpath` loads before it does anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from talkpath.cli import check as check_command
from talkpath.cli import cli
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Health, Reach

SCHEMA = json.loads((Path(__file__).parents[2] / "spec" / "tp-004.schema.json").read_text())
PLAN = make_plan(choose_arms(["webrtc"]))


def played(background: str, *rules: str) -> Facts:
    return run_sim(PLAN, Scenario.parse(background, rules, 3))


ROWS = [
    ("ok", 0, lambda: played("clean")),
    ("restricted", 10, lambda: played("clean", "media.drop,app=webrtc,direction=up,p=0.5")),
    ("closed", 11, lambda: played("clean", "udp.block")),
    ("impaired", 12, lambda: played("ge,loss=0.4")),
    ("unreachable", 12, lambda: Facts(PLAN, reach=Reach(control="timeout"), health=Health(ended="responder_lost"))),
    ("insufficient", 13, lambda: Facts(PLAN, health=Health(ended="responder_lost"))),
]


@pytest.mark.parametrize(("state", "code", "make"), ROWS, ids=[row[0] for row in ROWS])
def test_every_state_has_its_exit_code_its_schema_and_is_judged_alike_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, code: int, make: object
) -> None:
    facts = make()  # type: ignore[operator]
    monkeypatch.setattr(check_command, "measure_families", lambda *_: (facts, None))
    link, bundle = f"127.0.0.1:1#{'A' * 43}", tmp_path / "run.talkpath"
    plain = CliRunner().invoke(cli, ["check", link, "--json"], standalone_mode=False)
    gated = CliRunner().invoke(cli, ["check", link, "--json", "--gate", "-o", str(bundle)], standalone_mode=False)
    measured = any(not epoch.missing for epoch in facts.epochs)
    assert (plain.return_value, gated.return_value) == (0 if measured else 3, code)
    written = json.loads(gated.stdout)
    assert [verdict["state"] for verdict in written["verdicts"]] == [state]
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    again = CliRunner().invoke(cli, ["judge", str(bundle), "--json"], standalone_mode=False)
    assert json.loads(again.stdout)["changes"] == []
    assert json.loads(again.stdout)["verdicts"] == written["verdicts"]
    bundle = tmp_path / "told.talkpath"
    told = CliRunner().invoke(cli, ["check", link, "-o", str(bundle)], standalone_mode=False)
    assert f"talkpath verify {bundle}" in told.stderr
    assert told.exception is None
    assert ("local time (UTC" in told.stdout) == measured


def test_the_schema_is_strict_enough_to_refuse() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert not validator.is_valid({"schema": "talkpath.check/1"})


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["respond", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom talkpath.cli import main\n"
        f"sys.argv = ['talkpath', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'numpy', 'cryptography', 'segno', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_dry_run_is_the_plan_and_sends_nothing() -> None:
    told = CliRunner().invoke(cli, ["check", "--dry-run", "--app", "webrtc", "--json"], standalone_mode=False)
    plan = json.loads(told.stdout)
    assert plan["schema"] == "talkpath.plan/1"
    assert [row["arm"] for row in plan["arms"]] == ["webrtc dtls voice"]
    assert plan["total"]["flows"] == plan["arms"][0]["flows"] > 0
    assert plan["total"]["bytes_sent"] > plan["arms"][0]["bytes_sent"]  # the control channel too
    text = CliRunner().invoke(cli, ["check", "--dry-run", "--app", "webrtc"], standalone_mode=False).stdout
    assert "at most 128 local ports" in text
