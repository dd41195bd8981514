"""What is measured of calls like a recorded one is kept under the shape's digest, and counts once it was named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from factories.observatories.log_entries import open_log
from factories.packets.handmade_shapes import ice_shape
from talkpath.apps import added_app
from talkpath.apps.recorded.played import engine_shape_files, played_shape, recorded_app
from talkpath.cli import cli
from talkpath.errors import FileError
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.observatory.events.record import Event
from talkpath.observatory.findings.detector_input import folder_counts
from talkpath.observatory.findings.folder_findings import EventFindings, ReportSummary
from talkpath.observatory.findings.text import event_lines
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.log.log import LogEntry, seen_shapes
from talkpath.observatory.log.named_shapes import is_counted_app, load_named_shapes, name_shape
from talkpath.observatory.log.records import Received, verdict_rows
from talkpath.observatory.publication import Publication
from talkpath.observatory.server import opened_log
from talkpath.observatory.web.event_worker import EventPublishing
from talkpath.observatory.web.labels import app_name
from talkpath.observatory.workers import WorkerPool
from talkpath.report.check_json import judge_check

SHAPE = played_shape(ice_shape())
APP = SHAPE.arm.app


@pytest.fixture(autouse=True)
def _forget(tmp_path: Path) -> Iterator[None]:
    yield
    load_named_shapes(tmp_path / "nowhere")


def sent_bundle() -> bytes:
    with added_app(recorded_app(SHAPE)):
        facts = run_sim(make_plan(choose_arms([APP])), Scenario.parse("clean", ["stun.drop"], 1))
    facts = replace(facts, started_at="2026-11-24T10:00:00Z", receipt=None)
    return write_check(facts, judge_check(facts)[1], probe_signer())


def test_a_shape_counts_once_it_was_named(tmp_path: Path) -> None:
    data = sent_bundle()
    name = hashlib.sha256(data).hexdigest()
    (tmp_path / "one.talkpath").write_bytes(data)
    record = judge_bundle(data, Received(id=name, day="2026-11-24", size_bytes=len(data)), {})
    assert [(said.app, said.state) for said in record.said] == [(APP, "restricted")]
    assert list(verdict_rows(record)) == []
    assert folder_counts(tmp_path) == []
    name_shape(tmp_path, APP, "Acme Talk")
    assert [row["app"] for _, row in verdict_rows(record)] == [APP]
    assert [count.app for count in folder_counts(tmp_path)] == [APP]
    assert app_name(APP) == "Acme Talk"


def test_feeds_and_findings_tell_a_shape_by_its_name(tmp_path: Path) -> None:
    """Feeds are written in a worker process, which has opened no observatory."""
    name_shape(tmp_path, APP, "Acme Talk")
    load_named_shapes(tmp_path / "nowhere")
    event = Event(
        id="XX/AS1/shape/voice/2025-08-13/began",
        kind="began",
        network="AS1",
        country="XX",
        app=APP,
        medium="voice",
        onset_low="2025-08-11",
        onset_high="2025-08-13",
        level="confirmed",
        count=9,
        contributors=9,
    )
    publishing, worker = EventPublishing(tmp_path, Publication()), WorkerPool(1)
    try:
        assert worker.run(publishing.record, [event], "2025-08-20", {}) == [event]
    finally:
        worker.close()
    for feed in ("events", "XX"):
        text = (publishing.feeds / f"{feed}.atom").read_text()
        assert "voice calls that look like Acme Talk's on AS1" in text
        assert f"calls of {APP}" not in text
    load_named_shapes(tmp_path)
    heard = ReportSummary(9, 0, ("probe",), 1, "2025-08-01", "2025-08-20", simulated=False)
    found = EventFindings(heard, events=(event,), countries=(), claims={}, reach={}, trusted=True)
    assert "voice calls that look like Acme Talk's on AS1" in "\n".join(event_lines(found))


@pytest.mark.parametrize(
    ("app", "name"), [("whatsapp", "x"), ("like:0123", "x"), (APP, "<b>"), (APP, "\x1b[2J"), (APP, 'a"b')]
)
def test_what_is_no_shape_or_no_name_is_refused(tmp_path: Path, app: str, name: str) -> None:
    with pytest.raises(FileError):
        name_shape(tmp_path, app, name)


def test_a_report_that_was_taken_back_is_no_report_of_a_shape(tmp_path: Path) -> None:
    """One that was shared, taken back and shared again is one; so is one that was judged twice."""
    data = sent_bundle()
    received = Received(id=hashlib.sha256(data).hexdigest(), day="2026-11-24", size_bytes=len(data))
    judged = judge_bundle(data, received, {})
    with closing(open_log(tmp_path)) as log:
        log.commit([LogEntry(received, data)])
        log.commit([LogEntry(judged)])
        assert seen_shapes(log) == {APP: [received.id]}
        log.commit([LogEntry(replace(judged, again=True))])
        assert seen_shapes(log) == {APP: [received.id]}
        known = log.register.find(received.id)
        assert known is not None
        log.withdraw(known)
        assert seen_shapes(log) == {}
        log.commit([LogEntry(received, data)])
        log.commit([LogEntry(judged)])
        assert seen_shapes(log) == {APP: [received.id]}


def test_a_name_is_taken_back(tmp_path: Path) -> None:
    name_shape(tmp_path, APP, "Acme Talk")
    name_shape(tmp_path, APP, "")
    assert load_named_shapes(tmp_path) == {}
    assert not is_counted_app(APP)
    (tmp_path / "shapes.toml").write_text(f'[[shape]]\napp = "{APP}"\nname = ""\n')
    load_named_shapes(tmp_path)
    assert not is_counted_app(APP)


def test_shapes_that_come_with_talkpath_are_told_by_name(tmp_path: Path) -> None:
    ours = played_shape(engine_shape_files()["firefox"].read_bytes()).arm.app
    name_shape(tmp_path, ours, "Our own name")
    name_shape(tmp_path, APP, "Acme Talk")
    done = CliRunner().invoke(cli, ["observe", "shapes", "--data", str(tmp_path)])
    rows = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert "firefox, which comes with talkpath" in rows[ours]
    assert "comes with" not in rows[APP]


def test_a_reported_shape_is_shown_as_its_file_would_be(tmp_path: Path) -> None:
    """An operator who has no file of it sees what the reports say that their calls are like, before he names it."""
    data = sent_bundle()
    received = Received(id=hashlib.sha256(data).hexdigest(), day="2026-11-24", size_bytes=len(data))
    with closing(opened_log(tmp_path, simulated=False)) as log:
        log.commit([LogEntry(received, data)])
        log.commit([LogEntry(judge_bundle(data, received, {}))])
    (tmp_path / "ours.shape").write_bytes(SHAPE.text)
    file = CliRunner().invoke(cli, ["shape", str(tmp_path / "ours.shape"), "--show"])
    assert len(file.stdout.splitlines()) > 9
    asked = ["observe", "shapes", "--data", str(tmp_path)]
    assert CliRunner().invoke(cli, [*asked, APP]).stdout == file.stdout
    as_json = json.loads(CliRunner().invoke(cli, [*asked, APP, "--json"]).stdout)
    assert APP.removeprefix("like:") in as_json["digest"]
    unknown = CliRunner().invoke(cli, [*asked, f"like:{24 * '0'}"])
    assert isinstance(unknown.exception, FileError)


def test_a_mistyped_folder_is_no_new_observatory(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["observe", "shapes", "--data", str(tmp_path / "typo")])
    assert (done.exit_code, (tmp_path / "typo").exists()) == (2, False)


def test_the_command_names_and_lists(tmp_path: Path) -> None:
    def told(*arguments: str) -> dict[str, object]:
        done = CliRunner().invoke(cli, ["observe", "shapes", *arguments, "--data", str(tmp_path), "--json"])
        assert done.exit_code == 0, done.output
        return dict(json.loads(done.stdout))

    assert told()["shapes"] == []
    assert told(APP, "Acme Talk")["shapes"] == [{"app": APP, "name": "Acme Talk", "reports": 0}]
    (tmp_path / "shapes.toml").write_text("no")
    with pytest.raises(FileError):
        load_named_shapes(tmp_path)
