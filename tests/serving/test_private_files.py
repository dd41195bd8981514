"""No file of an observatory can be read by another user of the machine, whatever the umask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from factories.observatories.log_entries import DAY, Clock, open_log, report_entry, tap_entry, verdict_entry
from talkpath.observatory.log.seal import Sealer
from talkpath.observatory.log.stop_list import StoppedCountry, stop_country
from talkpath.observatory.publication import Publication
from talkpath.serving.private_files import make_folder, open_private, replace_file, touch_private

OTHERS = 0o077


@pytest.fixture(params=[0o000, 0o022])
def open_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def readable_by_others(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in (root, *root.rglob("*")) if path.stat().st_mode & OTHERS]


def test_the_log_its_register_sealed_days_and_the_stop_list_are_private(tmp_path: Path, open_umask: None):
    root, clock = tmp_path / "data", Clock()
    log, entry = open_log(root, clock), report_entry(1)
    log.commit([entry, tap_entry(1)])
    log.commit([verdict_entry(entry)])
    assert (root / "ids.db-wal").exists(), "looked at while it is open"
    clock.day = "2026-11-28"
    assert Sealer(log, False, Publication()).run(clock.day) == [DAY]
    log.commit([report_entry(2)])
    stop_country(log, StoppedCountry("XX", DAY, "A reason."))
    assert list(root.glob("log/*.gz"))
    assert readable_by_others(root) == []
    log.close()


def test_an_older_folder_is_closed_to_others_and_its_group_keeps_its_rights(tmp_path: Path):
    folder, file = tmp_path / "data", tmp_path / "ids.db"
    folder.mkdir()
    folder.chmod(0o755)
    file.touch()
    file.chmod(0o644)
    make_folder(folder)
    touch_private(file)
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o750, 0o640)


def test_files_are_made_for_their_owner_alone(tmp_path: Path, open_umask: None):
    with open_private(tmp_path / "appended", "ab") as file:
        file.write(b"x")
    replace_file(tmp_path / "replaced", b"y")
    assert (tmp_path / "replaced").read_bytes() == b"y"
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [0o600, 0o600]
