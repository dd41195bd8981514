"""A letter says what was measured, when, how often that is wrong, how to check it, and what it does not prove."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

import talkpath
from talkpath.cli import cli
from talkpath.report.pictures.qr_code import qr_code
from talkpath.report.words.language import language_codes

EVENT = "https://observatory.example/event/XX/AS64496/telegram/voice/2025-08-11/began"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("letter") / "run.talkpath"
    path.write_bytes(talkpath.simulate(apps=["webrtc"], flows=4).bundle())
    return path


def letter(bundle: Path, *options: str) -> str:
    page = bundle.with_name(f"{len(list(bundle.parent.iterdir()))}.html")
    told = CliRunner().invoke(cli, ["letter", str(bundle), "-o", str(page), *options], standalone_mode=False)
    assert told.exception is None, told.output
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("restricted") / "run.talkpath"
    path.write_bytes(talkpath.simulate("media.drop,app=webrtc,p=0.5", apps=["webrtc"], seed=5).bundle())
    return path


@pytest.mark.parametrize("to", ["operator", "regulator", "court"])
def test_something_is_asked_of_them_only_where_something_was_found(bundle: Path, restricted: Path, to: str) -> None:
    assert f"To the {to}" in letter(restricted, "--to", to)
    page = letter(bundle, "--to", to)
    assert "nothing is asked of you" in page
    assert "Please" not in page


@pytest.mark.long
@pytest.mark.parametrize("to", ["operator", "regulator", "court"])
def test_it_names_the_digest_the_commands_the_error_rate_and_its_limits(bundle: Path, to: str) -> None:
    page = letter(bundle, "--to", to, "--link", EVENT)
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() in page
    assert "<code>talkpath verify FILE</code>" in page
    assert "fewer than 1 in 10\u00a0000" in page
    assert "nobody is accused here" in page
    assert "SIMULATED" in page
    assert EVENT in page
    assert 'class="qr"' in page


@pytest.mark.long
@pytest.mark.parametrize(("rules", "label"), [((), "No sign of restriction"), (("stun.drop",), "Signs of restriction")])
def test_each_result_of_the_file_stands_in_it_with_its_state(
    tmp_path: Path, rules: tuple[str, ...], label: str
) -> None:
    """A reader of the letter alone takes neither for untested what was found well, nor the other way round."""
    file = tmp_path / "run.talkpath"
    file.write_bytes(talkpath.simulate(*rules, apps=["webrtc", "meet", "max"], flows=4).bundle())
    found = letter(file).partition("<h2>What was found</h2>")[2].partition("<h2>")[0]
    for app in ("WebRTC, voice", "Google Meet, voice", "Max, voice"):
        assert label in found.partition(app)[0].rpartition("<h3>")[2].rpartition("<p>")[2]


def test_it_is_for_who_did_not_measure(restricted: Path) -> None:
    """An operator sent no packet of it: nobody is addressed as who did, and there is room for who hands it over."""
    found = letter(restricted).partition("<h2>What was found</h2>")[2].partition("<h2>")[0]
    assert "100 call packets" in found
    assert " you" not in found
    assert "Sender, place and day: ____" in letter(restricted)
    assert "“this device” is the one from which" in letter(restricted)


@pytest.mark.long
def test_no_accusation_stands_without_what_was_observed(tmp_path: Path) -> None:
    file = tmp_path / "run.talkpath"
    rules = ["media.drop,app=webrtc,p=0.5", "stun.drop,app=signal"]
    made = talkpath.simulate(rules, apps=["webrtc", "signal"], seed=1)
    file.write_bytes(made.bundle())
    accused = [verdict for verdict in made.verdicts if verdict.state == "restricted"]
    found = letter(file).partition("<h2>What was found</h2>")[2].partition("<h2>")[0]
    assert len(accused) == 2
    assert found.count("Signs of restriction") == found.count("<h3>") == len(accused)


@pytest.mark.parametrize("code", language_codes())
def test_it_is_whole_in_every_language_and_loads_nothing(bundle: Path, code: str) -> None:
    page = letter(bundle, "--language", code)
    assert f'lang="{code}"' in page
    assert page.count("<h2>") == 6
    assert "src=" not in page
    assert "<script" not in page


def test_a_changed_file_gets_no_letter(bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.talkpath"
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    told = CliRunner().invoke(cli, ["letter", str(changed)], standalone_mode=False)
    assert isinstance(told.exception, talkpath.BundleError)
    assert not changed.with_suffix(".letter.html").exists()


def test_only_an_address_becomes_a_code(bundle: Path) -> None:
    told = CliRunner().invoke(cli, ["letter", str(bundle), "--link", "javascript:1"], standalone_mode=False)
    assert isinstance(told.exception, talkpath.UsageError)
    assert qr_code("x" * 501, "too long") is None
