"""A whole observatory as a process: a folder is taken in, served, looked into, and its pages say what was found."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from urllib.request import urlopen

import pytest

from factories.checks.dated_bundles import write_dated_bundles

pytestmark = pytest.mark.long  # one test puts in what the others read

WAIT_S = 120
TALKPATH = [sys.executable, "-m", "talkpath", "observe"]
TABLES = {
    "audience.toml": 'simulated = true\n[[population]]\ncountry = "XX"\npeople = 1000\nsource = "made up"\n',
    "networks.toml": '[[network]]\nnetwork = "AS64496"\ncountry = "XX"\nusers = 900\nname = "Northline"\n'
    'source = "made up"\n',
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("chdb") is None:
        pytest.skip("needs chdb-core and clickhouse-connect: pip install 'talkpath[observatory]'")
    folder = tmp_path_factory.mktemp("served")
    box = folder / "box"
    box.mkdir()
    write_dated_bundles(box)
    for name, text in TABLES.items():
        (box / name).write_text(text)
    data = ["--data", str(folder / "data"), "--simulated"]
    subprocess.run([*TALKPATH, "import", *data, str(box)], check=True, capture_output=True)
    options = ["--port", "0", "--box", str(box), "--min-contributors", "1", "--json"]
    with subprocess.Popen([*TALKPATH, "serve", *data, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            assert told["simulated"] is True
            yield told["url"].rstrip("/")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()


def read(address: str, path: str) -> dict:
    with urlopen(f"{address}{path}") as answer:
        return json.load(answer)


def found(address: str) -> dict:
    """The page *now*, once something was looked for."""
    until = time.monotonic() + WAIT_S
    while not (page := read(address, "/en/now.json"))["apps"]:
        assert time.monotonic() < until, "nothing was found"
        time.sleep(0.3)
    return page


def test_what_was_taken_in_is_found_and_shown(address: str):
    page = found(address)
    assert (page["simulated"], page["as_of"], page["country"]) == (True, "2025-09-12", "XX")
    (network,) = page["networks"]
    assert network["cells"]["whatsapp"]["state"] == "restricted"
    events = {one["network"]: one for one in read(address, "/en/events.json")["events"] if one["kind"] == "began"}
    assert set(events) == {"AS64496", "*"}
    event = events["AS64496"]
    assert (event["app"], event["onset_high"]) == ("whatsapp", "2025-08-13")
    told = read(address, f"/en/event/{event['id']}.json")
    assert told["stream"]["days"][-1]["state"] == "restricted"
    assert len(read(address, "/en/article.json")["rows"]) == 21


def test_the_open_data_of_a_made_up_country_waits_for_nobody(address: str):
    """Its clock goes ahead: the day is sealed and released when the observatory starts."""
    until = time.monotonic() + WAIT_S
    while not (sealed := read(address, "/en/data.json")["sealed"]):
        assert time.monotonic() < until, "nothing was sealed"
        time.sleep(0.3)
    (day,) = sealed
    names = {file["name"].partition("/")[2] for file in day["files"]}
    assert names == {"prompt.jsonl.gz", "prompt.parquet", "delayed.jsonl.gz", "delayed.parquet"}
    with urlopen(f"{address}/open/{day['day']}/manifest.json") as answer:
        assert json.load(answer)["simulated"] is True


def test_the_report_api_is_beside_the_pages(address: str):
    assert read(address, "/health")["simulated"] is True
    found(address)  # this may be the first test that a worker plays
    assert read(address, "/en/network/XX/AS64496.json")["operators"] == {"AS64496": "Northline"}
    with urlopen(f"{address}/") as answer:
        assert answer.url == f"{address}/en/now"
    document = read(address, "/api/v1/openapi.json")
    assert "/{language}/transports/{country}.json" in document["paths"]
    assert {"NowPage", "Report"} <= document["components"]["schemas"].keys()
