"""`verify` on bundles of every kind: from the lab, from a recording, from a real check against a real responder."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from factories.networks.local_responder import FarEnd, run_check, run_talkpath, small_plan
from factories.networks.mmdb_file import mmdb_bytes
from talkpath.cli import cli
from talkpath.errors import BundleError, FileError
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import RECEIPT_PART, write_capture
from talkpath.evidence.known_responders import known_operators
from talkpath.measure.call import Findings
from talkpath.wire.control.keys import Signer


def run(*arguments: str | Path) -> str:
    """What a command prints."""
    told = CliRunner().invoke(cli, [str(one) for one in arguments], standalone_mode=False)
    if told.exception is not None:
        raise told.exception
    return told.stdout


def lab_run(folder: Path, seed: int = 3) -> Path:
    path = folder / f"{seed}.talkpath"
    run("lab", "run", "--apps", "webrtc", "-k", "4", "--seed", str(seed), "-o", path)
    return path


def test_a_lab_run_says_that_it_is_simulated(tmp_path: Path) -> None:
    path = lab_run(tmp_path)
    text = run("verify", path)
    assert "Nothing in the bundle was changed" in text
    assert "the probe's own word" in text
    assert "unknown: it is in no list" in text
    assert "SIMULATED" in text
    told = json.loads(run("verify", path, "--json"))
    assert told["simulated"]
    assert (told["receipt"]["network"], told["receipt"]["country"]) == ("AS64496", "XX")


@pytest.mark.long
def test_a_lab_run_on_the_loopback_keeps_its_receipt(tmp_path: Path) -> None:
    """The relay stands for the lab's ports with others, which the facts tell and the receipt does not."""
    path = tmp_path / "a.talkpath"
    arguments = ["--driver", "loopback", "--apps", "webrtc", "-k", "4", "-o", str(path)]
    done = run_talkpath("lab", "run", *arguments, timeout_s=90.0)
    assert done.returncode == 0, done.stderr
    told = json.loads(run("verify", path, "--json"))
    assert told["simulated"]
    assert told["receipt"]["epochs"] > 0


def test_a_key_in_the_list_is_named(tmp_path: Path) -> None:
    path = lab_run(tmp_path)
    key = json.loads(run("verify", path, "--json"))["receipt"]["responder"]
    names = tmp_path / "responders.json"
    known = [{"key": key, "operator": "Example University"}]
    names.write_text(json.dumps({"schema": "talkpath.responders/1", "responders": known}))
    assert "listed: Example University" in run("verify", path, "--responders", names)
    names.write_text("[]")
    with pytest.raises(FileError, match="list of responders"):
        run("verify", path, "--responders", names)


def test_the_list_that_comes_along_can_be_read() -> None:
    assert all(len(key) == 43 for key in known_operators())


def test_a_recording_is_its_maker_s_word(tmp_path: Path) -> None:
    path = tmp_path / "a.talkpath"
    path.write_bytes(write_capture(Findings(0, 0.0, {}, (), ()), {}, Signer.fresh()))
    assert "A recording: all of it is the word of whoever made it" in run("verify", path)


def test_the_receipt_of_another_run_is_found(tmp_path: Path) -> None:
    """Also where the lab's key signs the swapped bundle anew."""
    from talkpath.evidence import bundle as form
    from talkpath.evidence.known_responders import probe_signer

    mine, other = (unpack_archive(lab_run(tmp_path, seed).read_bytes()) for seed in (3, 4))
    swapped = mine | {RECEIPT_PART: other[RECEIPT_PART]}
    path = tmp_path / "swapped.talkpath"
    path.write_bytes(pack_archive(swapped))
    with pytest.raises(BundleError, match="not the one that was signed"):
        run("verify", path)
    inner = {name: data for name, data in swapped.items() if name not in (form.MANIFEST_PART, form.SIGNATURE_PART)}
    path.write_bytes(form._sign_parts("check", inner, probe_signer()))
    with pytest.raises(BundleError, match="another run"):
        run("verify", path)


def test_a_real_check_has_a_receipt_with_the_network_of_its_address(tmp_path: Path) -> None:
    geoip = tmp_path / "geoip.mmdb"
    geoip.write_bytes(mmdb_bytes({"::127.0.0.0/104": {"country_code": "XX", "autonomous_system_number": 64499}}))
    path = tmp_path / "run.talkpath"
    with FarEnd(tmp_path, more=["--geo", str(geoip)]) as far:
        done = run_check(far.link, *small_plan(tmp_path, budget_s=6.0), "-o", str(path))
        key = far.key
    assert done.returncode == 0, done.stderr
    told = json.loads(run("verify", path, "--json"))
    assert told["receipt"] == {
        "responder": key, "operator": "", "class": "unknown", "network": "AS64499", "country": "XX",
        "ended_at": told["receipt"]["ended_at"], "epochs": told["receipt"]["epochs"],
        "started_at": told["receipt"]["started_at"], "binds": "all",
    }  # fmt: skip
    assert told["receipt"]["epochs"] > 0
    assert told["receipt"]["ended_at"].endswith(":00:00Z")
    assert not told["simulated"]
    changed = bytearray(path.read_bytes())
    changed[Random(1).randrange(len(changed))] ^= 4
    path.write_bytes(changed)
    done = run_talkpath("verify", str(path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)


def test_a_responder_that_signs_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.talkpath"
    mute = (
        "from talkpath.responder.responder import Responder\nbefore = Responder.__init__\n"
        "def silent(self, *a, **k):\n    before(self, *a, **k | {'receipts': None})\nResponder.__init__ = silent"
    )
    with FarEnd(tmp_path, mute) as far:
        done = run_check(far.link, *small_plan(tmp_path, budget_s=6.0), "-o", str(path))
    assert "signed no receipt" in done.stderr
    assert "No test server signed what it saw" in run("verify", path)
