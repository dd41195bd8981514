"""The stop rule: what came from a country is deleted from the disk, nothing else is, and it stays stopped."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.cli import cli
from talkpath.errors import BundleError, FileError
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Judged, Received
from talkpath.observatory.log.stop_list import STOP_LIST_FILE, StoppedCountry, stop_country, stopped_countries
from talkpath.observatory.server import opened_log

DAY = "2025-08-13"
TOLD = StoppedCountry("XX", DAY, 'a "volunteer" was questioned')


def take(root: Path, *countries: tuple[str, str]) -> list[bytes]:
    """A bundle each: (country by the intake's finding, by the responder's)."""
    log = opened_log(root, simulated=True)
    bundles = [f"bundle number {number}, and what it holds".encode() for number in range(len(countries))]
    for data, (found, told) in zip(bundles, countries, strict=True):
        name = hashlib.sha256(data).hexdigest()
        log.commit([LogEntry(Received(name, "", len(data), country=found, network="AS64496"), data)])
        if told:
            judged = Judged(id=name, day=DAY, measured=DAY, rules_version="1", source="probe", said=(), carried=(),
                            network="AS64496", country=told, placed="responder", responder="R", responder_class="home",
                            contributor=1, contributor_key=1, simulated=True)  # fmt: skip
            log.commit([LogEntry(judged)])
    log.close()
    return bundles


def kept(root: Path, bundles: list[bytes]) -> list[bool]:
    """Which can still be read, and whose bytes are still anywhere on the disk: the same ones."""
    log = opened_log(root, simulated=True)
    on_disk = b"".join(path.read_bytes() for path in log.folder.bundles.iterdir())
    found = []
    for data in bundles:
        known = log.register.find(hashlib.sha256(data).hexdigest())
        assert known
        try:
            found.append(log.bundle(known.received) == data)
        except BundleError:
            found.append(False)
        assert (data in on_disk) == found[-1]
    log.close()
    return found


def test_the_bundles_of_one_country_are_deleted_and_no_others(tmp_path: Path):
    bundles = take(tmp_path, ("ZZ", "XX"), ("ZZ", "XY"), ("XX", ""), ("ZZ", ""))
    assert kept(tmp_path, bundles) == [True] * 4
    log = opened_log(tmp_path, simulated=True)
    assert stop_country(log, TOLD) == 2
    log.close()
    assert kept(tmp_path, bundles) == [False, True, False, True]


def test_it_is_written_down_and_again_is_no_harm(tmp_path: Path):
    take(tmp_path, ("XX", "XX"))
    for _ in range(2):
        log = opened_log(tmp_path, simulated=True)
        stop_country(log, TOLD)
        log.close()
    assert stopped_countries(tmp_path) == (TOLD,)


def test_a_damaged_file_is_never_ignored(tmp_path: Path):
    assert stopped_countries(tmp_path) == ()
    (tmp_path / STOP_LIST_FILE).write_text("[[stop]]\ncountry = ")
    with pytest.raises(FileError, match="stopped"):
        stopped_countries(tmp_path)


def test_the_command(tmp_path: Path):
    take(tmp_path, ("XX", "XX"))
    data = ["--data", str(tmp_path), "--simulated"]
    done = CliRunner().invoke(cli, ["observe", "stop", "xx", "--reason", "asked for", *data])
    assert done.output == "Nothing more is taken from XX. Bundles from there that were deleted: 1.\n"
    assert [one.reason for one in stopped_countries(tmp_path)] == ["asked for"]
    again = CliRunner().invoke(cli, ["observe", "stop", "xx", "--reason", "another", *data])
    assert re.fullmatch(
        r"Since \S{10} nothing is taken from XX, and the reason told then stays \(“asked for”\)\. "
        r"Bundles from there that were deleted: 0\.\n",
        again.output,
    )
    done = CliRunner().invoke(cli, ["observe", "stop", "xx", "--reason", "a", "--data", str(tmp_path / "typo")])
    assert done.exit_code == 2
    assert not (tmp_path / "typo").exists()
    for wrong in (["X"], ["XX", "--reason", " "]):
        done = CliRunner().invoke(cli, ["observe", "stop", *wrong, *data], standalone_mode=False)
        assert done.exit_code != 0
