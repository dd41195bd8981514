"""`--shape`: an app whose calls a file describes, in the lab, judged again, and refused without the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from talkpath.apps import apps
from talkpath.apps.families.shape_file import read_shape
from talkpath.cli import cli
from talkpath.errors import BundleError, FileError

ACME = """
id = "acme"
name = "Acme Talk"
source = "made for a test"
voice = { payload_type = 111, sizes = [[96, 3], [140, 1]] }
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.toml"
    path.write_text(ACME)
    return path


def test_its_calls_are_placed_and_judged(file: Path, tmp_path: Path):
    bundle = tmp_path / "acme.talkpath"
    lab = ("lab", "run", "--driver", "sim", "--apps", "acme", "--shape", file, "--restrict", "media.drop,p=1")
    played = json.loads(run(*lab, "-o", bundle, "--json").stdout)
    (verdict,) = (verdict for verdict in played["verdicts"] if verdict["medium"] == "voice")
    assert (verdict["app"], verdict["state"]) == ("acme", "restricted")
    again = json.loads(run("judge", bundle, "--shape", file, "--json").stdout)
    assert again["verdicts"] == played["verdicts"]
    assert run("verify", bundle, "--shape", file).exit_code == 0
    for command in (("judge", bundle), ("verify", bundle)):
        assert isinstance(run(*command).exception, BundleError)
    assert "acme" not in apps()


def test_its_cost_before_the_first_packet(file: Path):
    told = json.loads(run("check", "--dry-run", "--json", "--app", "Acme Talk", "--shape", file).stdout)
    assert "acme" in json.dumps(told)


def test_the_example_of_the_manual():
    page = (Path(__file__).parents[2] / "docs/how-to/messenger.md").read_text()
    app = read_shape(page.partition("```toml\n")[2].partition("```")[0].encode())
    assert (app.id, [shape.arm.medium for shape in app.shapes]) == ("acme", ["voice", "video"])


@pytest.mark.parametrize("content", [None, "", "id = 3"])
def test_a_file_that_is_none(content: str | None, tmp_path: Path):
    path = tmp_path / "none.toml"
    if content is not None:
        path.write_text(content)
    assert isinstance(run("check", "--dry-run", "--shape", path).exception, FileError)
