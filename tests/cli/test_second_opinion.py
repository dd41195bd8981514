"""A second test server is asked where the first one's result is restricted, closed or unreachable. On 127.0.0.1.

A server whose UDP ports are forwarded nowhere stands for one that is blocked: its control channel opens, and no call
gets through.
"""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from test_check_listed import Listed, entry

from factories.machines.terminal import say_talkpath
from factories.networks.local_responder import FarEnd, free_ports
from talkpath.directory.listed_server import ListedServer
from talkpath.evidence.bundle import read_bundle

# Of both checks: the second has canaries enough with what the first left over, and time enough where a busy machine
# made the first one play an epoch more.
BUDGET_BYTES, BUDGET_S = 3_000_000, 28.0

serials = itertools.count(1)


def blocked(folder: Path) -> FarEnd:
    """A running server with eight UDP ports that nothing gets through to."""
    ports = free_ports(16)
    return FarEnd(folder, more=["--ports", ",".join(f"{a}:{b}" for a, b in zip(ports[::2], ports[1::2], strict=True))])


def ask(folder: Path, *servers: ListedServer) -> tuple[dict[str, Any], str]:
    """The result of a check with these servers, and what was said on the way."""
    listed = Listed(folder, BUDGET_BYTES, BUDGET_S)
    done = listed.check("--directory", listed.put(*servers, serial=next(serials)))
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def one_blocked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("one")
    with ExitStack() as stack:
        first, second = (stack.enter_context(far) for far in (blocked(folder), FarEnd(folder)))
        record, said = ask(folder, entry(first, "home", network=64500), entry(second, network=64501))
        assert record["responder"]["key"] == first.key
        assert "second" in record, (record["verdicts"], record["duration_s"])
        assert record["second"]["responder"]["key"] == second.key
    return folder / "run.talkpath", record, said


def test_one_of_two_servers(one_blocked: tuple[Path, dict[str, Any], str]):
    _, record, said = one_blocked
    (opinion,) = record["second"]["opinions"]
    assert opinion["state"] in ("closed", "unreachable")
    assert (opinion["agreement"], opinion["log10_e"]) == ("one_of_two", None)
    (verdict,) = record["second"]["verdicts"]
    assert verdict["state"] == "insufficient", "within 28 s no ok is earned"
    assert verdict["reason"]["code"] == "watched_briefly"
    assert [verdict["state"] for verdict in record["verdicts"]] == [opinion["state"]], "the second changes no verdict"
    assert "A second test server is asked about this result." in said


def test_both_together_keep_to_the_budget_of_one(one_blocked: tuple[Path, dict[str, Any], str]):
    _, record, _ = one_blocked
    both = (record, record["second"])
    assert sum(one["bytes_sent"] + one["bytes_received"] for one in both) <= BUDGET_BYTES
    assert sum(one["duration_s"] for one in both) <= BUDGET_S


def test_the_evidence_of_both_is_in_one_bundle(one_blocked: tuple[Path, dict[str, Any], str]):
    file, record, _ = one_blocked
    bundle = read_bundle(file.read_bytes())
    assert bundle.second is not None
    assert bundle.receipt is not None
    assert bundle.second.receipt is not None
    verified = json.loads(say_talkpath("verify", str(file), "--json").stdout)
    assert verified["second"]["receipt"]["responder"] == record["second"]["responder"]["key"]
    assert "second check, with another test server" in say_talkpath("verify", str(file)).stdout
    judged = json.loads(say_talkpath("judge", str(file), "--json").stdout)
    assert judged["changes"] == []
    assert judged["second"]["opinions"] == record["second"]["opinions"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "one of two test servers"), ("ru", "один из двух"), ("fa", "یکی از دو"), ("ar", "أحد خادمَي")],
)
def test_it_is_told_in_every_language(
    one_blocked: tuple[Path, dict[str, Any], str], language: str, words: str, tmp_path: Path
):
    file, _, _ = one_blocked
    assert words in " ".join(say_talkpath("report", str(file), "--language", language).stdout.split())
    page = tmp_path / "page.html"
    say_talkpath("report", str(file), "--language", language, "--html", str(page))
    assert words in page.read_text(encoding="utf-8")


def test_two_of_two_servers(tmp_path: Path):
    with ExitStack() as stack:
        first, second = (stack.enter_context(blocked(tmp_path)) for _ in range(2))
        record, _ = ask(tmp_path, entry(first, "home", network=64500), entry(second, network=64501))
    (opinion,) = record["second"]["opinions"]
    assert opinion["agreement"] == "two_of_two"


@pytest.mark.long
def test_none_is_asked_where_all_is_well_or_there_is_no_other_network(tmp_path: Path):
    with ExitStack() as stack:
        good, other, bad = (stack.enter_context(far) for far in (FarEnd(tmp_path), FarEnd(tmp_path), blocked(tmp_path)))
        well, _ = ask(tmp_path, entry(good, "home", network=64500), entry(other, network=64501))
        alone, _ = ask(tmp_path, entry(bad, "home", network=64500), entry(other, network=64500))
    assert "second" not in well
    assert "second" not in alone
