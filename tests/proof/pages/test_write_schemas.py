"""The committed schemas are current, and a lab run's JSON fits its own."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from proof.pages import write_schemas
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.scenario import Scenario
from talkpath.report.check_json import judge_check

SPEC = Path(__file__).parents[3] / "spec"


def test_the_committed_schemas_are_current() -> None:
    for name, text in write_schemas.schema_files().items():
        assert (SPEC / name).read_text(encoding="utf-8") == text, "run proof/pages/write_schemas.py"


def test_a_run_fits_its_schema() -> None:
    scenario = Scenario.parse("clean", ["media.drop,app=webrtc,p=0.5"], 1)
    arms = choose_arms(["webrtc"])
    facts = run_sim(make_plan(arms), scenario)
    _, written = judge_check(facts, [hit.record() for hit in rule_hits(scenario.rules, arms)])
    schema = json.loads((SPEC / "tp-004.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(json.dumps(written)), schema)
    assert written["verdicts"][0]["state"] == "restricted"
