"""`endpoint_plan` and `endpoints`: the same plan and result as the command's, and nothing sent without agreement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import talkpath
from talkpath.cli import cli
from talkpath.conduct import endpoint_questions
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.own_addresses import OwnAddressCase, ask_own_addresses
from talkpath.lab.restrictor import parse_rule
from talkpath.measure.endpoint_facts import EndpointFacts

RULE = "udp.block,app=telegram,to=app"


@pytest.fixture(scope="module")
def facts() -> EndpointFacts:
    """What is measured where no packet gets to the app's own servers."""
    found, _ = ask_own_addresses(OwnAddressCase(4, parse_background("clean"), rules=(parse_rule(RULE),)))
    return found


def test_the_plan_is_the_commands() -> None:
    told = CliRunner().invoke(cli, ["endpoints", "--app", "telegram", "--tier", "3", "--dry-run", "--json"]).stdout
    assert json.loads(json.dumps(talkpath.endpoint_plan(["telegram"], tier=3))) == json.loads(told)
    with pytest.raises(talkpath.UsageError):
        talkpath.endpoint_plan(["nobody"])


def test_nothing_is_sent_without_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(*_: object, **__: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(endpoint_questions, "ask_endpoints", sent)
    with pytest.raises(talkpath.UsageError, match="agreed=True"):
        talkpath.endpoints(["telegram"], tier=1)


def test_the_result_names_the_rule_and_its_bundle_is_verified_and_judged_alike(
    facts: EndpointFacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[Any, int, int]] = []

    def ask(chosen: Any, tier: int, *, family: int, **_: Any) -> EndpointFacts:
        asked.append((tuple(dict.fromkeys(row.app for row in chosen.rows)), tier, family))
        return facts

    monkeypatch.setattr(endpoint_questions, "ask_endpoints", ask)
    result = talkpath.endpoints(["telegram"], tier=3, agreed=True, family=4)
    assert asked == [(("telegram",), 3, 4)]
    assert ("routes", ("address.block",)) in [
        (verdict.reason.code, verdict.alternatives) for verdict in result.verdicts if verdict.reason
    ]
    assert "Signs of restriction" not in result.text()
    path = tmp_path / "servers.talkpath"
    result.save(path)
    assert talkpath.verify(path).kind == "endpoints"
    assert talkpath.judge(path).changes == ()
    assert talkpath.read_bundle(path).simulated
