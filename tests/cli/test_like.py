"""`--like`: calls like a recorded one, planned, played in the lab, and judged again without the file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from factories.packets.handmade_shapes import ALIKE, alike_shape, ice_shape, unnamed_shape
from talkpath.apps import apps
from talkpath.apps.recorded.played import engine_shape_files
from talkpath.apps.recorded.shape_text import read_shape_text
from talkpath.cli import cli
from talkpath.cli.check.shape import LIKE_OTHERS, require_known_packets
from talkpath.errors import FileError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.shape"
    path.write_bytes(ice_shape())
    return path


@pytest.mark.parametrize("name", ALIKE)
def test_a_shape_whose_packets_nobody_can_tell_apart_is_refused(name: str, tmp_path: Path) -> None:
    """Some of them would seem lost in every call, and never in control traffic, on whatever network."""
    path = tmp_path / "alike.shape"
    path.write_bytes(alike_shape(name))
    done = run("lab", "run", "--driver", "sim", "--like", path, "--json")
    assert isinstance(done.exception, FileError)
    assert str(done.exception) == LIKE_OTHERS


@pytest.mark.parametrize("record", [ice_shape(), unnamed_shape(), *sorted(engine_shape_files())[::6]])
def test_shapes_of_calls_have_packets_that_are_known(record: bytes | str) -> None:
    text = record if isinstance(record, bytes) else engine_shape_files()[record].read_bytes()
    require_known_packets(read_shape_text(text))


@pytest.mark.long
def test_its_cost_before_the_first_packet(file: Path) -> None:
    told = run("check", "--dry-run", "--like", file).stdout
    assert "like acme.shape voice" in told
    assert "telegram" not in told
    told = run("check", "--dry-run", "--light", "--like", file, "--app", "signal").stdout
    assert "like acme.shape voice" in told
    assert "signal" in told


def test_its_calls_are_placed_and_judged_again_without_the_file(file: Path, tmp_path: Path) -> None:
    bundle, page = tmp_path / "acme.talkpath", tmp_path / "acme.html"
    lab = ("lab", "run", "--like", file, "--restrict", "stun.drop", "-o", bundle)
    played = json.loads(run(*lab, "--json").stdout)
    (verdict,) = played["verdicts"]
    assert verdict["app"].startswith("like:")
    assert (verdict["variant"], verdict["state"], verdict["rule"]) == ("acme", "restricted", "stun.drop")
    assert apps().keys().isdisjoint({verdict["app"]})
    assert json.loads(run("judge", bundle, "--json").stdout)["verdicts"] == played["verdicts"]
    assert "acme.shape" in run("judge", bundle).stdout
    assert run("verify", bundle).exit_code == 0
    assert run("report", bundle, "--html", page).exit_code == 0
    assert "holding back calls like the one in acme.shape." in page.read_text()


@pytest.mark.parametrize("content", [None, b"", b"format = 1", b"\xff" * 70_000])
def test_what_is_no_shape_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.shape"
    if content is not None:
        path.write_bytes(content)
    assert isinstance(run("check", "--dry-run", "--like", path).exception, FileError)


@pytest.mark.long
def test_a_recording_is_made_a_shape_of_at_once(tmp_path: Path) -> None:
    recording = tmp_path / "call with anna.pcap"
    engines = Path(__file__).parents[1] / "capture" / "engines"
    recording.write_bytes(gzip.decompress((engines / "tg_voice_direct.a.pcap.gz").read_bytes()))
    told = run("check", "--dry-run", "--like", recording).stdout
    assert "like call.shape voice" in told
    assert "anna" not in told


@pytest.mark.long
@pytest.mark.parametrize("name", ["chromium", "firefox", "telegram-direct", "telegram-reflector"])
def test_todays_engines_are_known_by_name(name: str) -> None:
    told = json.loads(run("lab", "run", "--like", name, "--json").stdout)
    (verdict,) = told["verdicts"]
    assert (verdict["variant"], verdict["state"]) == (name, "ok")
