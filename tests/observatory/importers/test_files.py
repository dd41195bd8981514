"""What a stopped country sent is left where it lies, whoever brings it, and told as refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from factories.observatories.sent_bundles import COUNTRY, measured_bundle
from talkpath.cli import cli
from talkpath.errors import FileError, UsageError
from talkpath.observatory.importers.files import ImportCount, import_folder, import_ooni
from talkpath.observatory.log.stop_list import StoppedCountry, stop_country
from talkpath.observatory.server import opened_log

DAY = "2025-08-13"
OONI = {
    "data_format_version": "0.2.0", "measurement_start_time": "2025-08-14 10:02:41", "probe_asn": "AS64500",
    "probe_cc": "XY", "report_id": "20250814T100241Z_x", "test_name": "whatsapp", "test_version": "0.9.0",
    "test_keys": {"whatsapp_endpoints_status": "ok", "registration_server_status": "ok"},
}  # fmt: skip


def brought(root: Path, stopped: str) -> tuple[ImportCount, ImportCount]:
    """A folder with a bundle and a file of OONI's, into an observatory that stopped a country."""
    folder, file = root / "folder", root / "week.jsonl.gz"
    folder.mkdir()
    (folder / "one.talkpath").write_bytes(measured_bundle())
    file.write_bytes(gzip.compress(json.dumps(OONI).encode()))
    log = opened_log(root / "data", simulated=False)
    stop_country(log, StoppedCountry(stopped, DAY, "asked for"))
    told = import_folder(log, folder, {}, False), import_ooni(log, file)
    log.close()
    return told


@pytest.mark.parametrize(("stopped", "refused"), [(COUNTRY, (1, 0)), ("XY", (0, 1)), ("QQ", (0, 0))])
def test_a_stopped_country(tmp_path: Path, stopped: str, refused: tuple[int, int]):
    assert COUNTRY != "XY"
    folder, ooni = brought(tmp_path, stopped)
    assert (folder.refused, ooni.refused) == refused
    assert (folder.bundles, ooni.measurements) == (1 - refused[0], 1 - refused[1])


@pytest.mark.parametrize("left", [None, b"", b'{"schema":"talkpath.observatory/1","simulated":falte}'])
def test_a_log_that_lost_what_it_is_takes_nothing(tmp_path: Path, left: bytes | None):
    brought(tmp_path, "QQ")
    kind = tmp_path / "data" / "kind.json"
    kind.unlink() if left is None else kind.write_bytes(left)
    for simulated in (True, False):
        with pytest.raises(FileError, match=r"kind\.json.* is lost or damaged"):
            opened_log(tmp_path / "data", simulated=simulated)


def told_to_import(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["observe", "import", *arguments], standalone_mode=False)


def test_what_is_refused_is_told_with_the_reason_and_leaves_the_folder_free(tmp_path: Path):
    """A made-up country, imported without --simulated: nothing is taken, and then it can be imported as it should."""
    folder, data = tmp_path / "country", str(tmp_path / "data")
    folder.mkdir()
    tap = {"day": DAY, "network": "AS64500", "country": "XX", "app": "signal", "medium": "voice", "simulated": True}
    (folder / "taps.jsonl").write_text(f"{json.dumps(tap)}\nno tap\n")
    refused = told_to_import("--data", data, str(folder))
    assert "1 made by the lab: --simulated takes that; 1 a line of taps.jsonl is no tap" in refused.output
    assert isinstance(refused.exception, FileError)
    taken = told_to_import("--simulated", "--data", data, str(folder))
    assert (taken.exception, "1 taps taken, 1 refused" in taken.output) == (None, True)
    again = told_to_import("--simulated", "--data", data, str(folder))
    assert (again.exception, "nothing taken, 1 there already" in again.output) == (None, True)
    assert isinstance(told_to_import("--data", data, str(folder)).exception, UsageError)


def test_a_file_that_is_no_ooni_file_is_told_so(tmp_path: Path):
    (tmp_path / "taps.jsonl").write_text('{"a": 1}\n')
    refused = told_to_import("--ooni", "--data", str(tmp_path / "data"), str(tmp_path / "taps.jsonl"))
    assert "1 refused (1 a line is no measurement of OONI's)" in refused.output
    assert isinstance(refused.exception, FileError)
