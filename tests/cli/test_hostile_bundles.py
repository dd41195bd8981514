"""Whatever a stranger signs, `verify`, `judge`, `report` and `share` print a result or one sentence, never a traceback.

`TALKPATH_MUTATIONS=100000 pytest tests/cli/test_hostile_bundles.py` is the long run.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from factories.checks import mutated_bundles
from factories.checks.lab_checks import lab_check
from talkpath.api.recording import read_capture
from talkpath.cli import cli
from talkpath.errors import BundleError, TalkpathError
from talkpath.report import check_json
from talkpath.wire.control.keys import Signer

MUTATIONS = int(os.environ.get("TALKPATH_MUTATIONS", "240"))
RECORDED = Path(__file__).parents[1] / "capture/lab/drop30-up.pcap.gz"
COMMANDS = (("verify",), ("judge",), ("judge", "--json"), ("report",), ("report", "--html"), ("share", "--to"))


def run(command: tuple[str, ...], path: Path, folder: Path) -> BaseException | None:
    more = {"--html": [str(folder / "page.html")], "--to": ["https://observatory.invalid/"]}.get(command[-1], [])
    name, *options = command
    return CliRunner().invoke(cli, [name, str(path), *options, *more], standalone_mode=False, input="n\n").exception


def records() -> dict[str, tuple[Any, Any]]:
    """A check and a recording, as plain values: facts and stored verdict."""
    measured = lab_check(3, "ge,loss=0.1", "stun.drop")
    facts = msgspec.structs.replace(measured, started_at="2026-11-24T20:00:00Z", receipt=None)
    recording = read_capture(RECORDED)
    plain = {"check": (facts, check_json.judge_check(facts)[1]), "capture": (recording.findings, recording.record)}
    return {kind: (msgspec.to_builtins(one, builtin_types=(bytes,)), other) for kind, (one, other) in plain.items()}


@pytest.mark.parametrize("wrong", [{"truth": None}, {"other_family": "x"}, {"other_family": {"verdicts": [None]}}])
def test_what_was_printed_on_the_day_is_read_with_care(wrong: dict[str, Any], tmp_path: Path) -> None:
    probes, path, checks = [Signer.fresh(), Signer.fresh()], tmp_path / "hostile.talkpath", []
    for seed, family in ((3, 4), (4, 6)):
        found = msgspec.structs.replace(lab_check(seed), simulated=False, receipt=None, family=family, exchanges=())
        checks.append(msgspec.structs.replace(found, responder_key="K" * 43, started_at="2026-11-24T20:00:00Z"))
    stored = check_json.judge_check(checks[0], second=checks[1])[1]
    assert "other_family" in stored
    plain = [msgspec.to_builtins(one, builtin_types=(bytes,)) for one in checks]
    second = mutated_bundles.signed_bundle("check", plain[1], {}, probes[1])
    path.write_bytes(mutated_bundles.signed_bundle("check", plain[0], stored | wrong, probes[0], second or b"") or b"")
    for command in COMMANDS:
        error = run(command, path, tmp_path)
        assert error is None or isinstance(error, TalkpathError) or type(error).__name__ == "Abort", (command, error)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["check", "capture"])
def test_mutated_bundles_end_in_one_sentence(kind: str, tmp_path: Path) -> None:
    facts, verdict = records()[kind]
    draws, signer, path = Random(f"mutations {kind}"), Signer.fresh(), tmp_path / "hostile.talkpath"
    outcomes: Counter[str] = Counter()
    wrong = []
    for number in range(MUTATIONS):
        changed = facts if number % 5 == 0 else mutated_bundles.mutated_record(facts, draws, draws.choice((1, 1, 2, 4)))
        stored = mutated_bundles.mutated_record(verdict, draws, 1) if number % 5 == 0 else verdict
        data = mutated_bundles.signed_bundle(kind, changed, stored, signer)
        if data is None:
            continue
        path.write_bytes(data)
        for command in COMMANDS if number % 7 == 0 else COMMANDS[:2]:
            error = run(command, path, tmp_path)
            outcomes[type(error).__name__] += 1
            if error is not None and not isinstance(error, TalkpathError) and type(error).__name__ != "Abort":
                wrong.append((number, command, repr(error)))
            if isinstance(error, BundleError) and not (str(error).endswith(".") and str(error).isprintable()):
                wrong.append((number, command, str(error)))
    assert wrong == []
    assert outcomes["BundleError"] > MUTATIONS / 4
    assert outcomes["NoneType"] > MUTATIONS / 10
