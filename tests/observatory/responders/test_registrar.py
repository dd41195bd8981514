"""What becomes of an offer, in virtual time: tests, approval, the list, and how a server leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talkpath.directory.listed_server import ListedServer, PublicAddress
from talkpath.directory.offer import Purpose, read_offer, sign_offer
from talkpath.directory.server_list import read_list
from talkpath.errors import FileError
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.responders.registrar import Registrar
from talkpath.observatory.responders.server_table import SERVERS_FILE, Decision, ServerTable
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
from talkpath.wire.control.keys import Signer

DIRECTORY = Signer.of_seed(b"directory".ljust(32))
FAILED = ("seen from outside: UDP 3478 does not arrive",)
HOUR = 3600


class Play:
    """One directory and its clock."""

    def __init__(self, folder: Path, is_open: bool = False) -> None:
        self.table = ServerTable(folder)
        self.registrar = Registrar(self.table, DIRECTORY, is_open)
        self.now = 1_795_800_000

    def offer(self, signer: Signer, purpose: Purpose = "list", at: int | None = None, **more: object) -> str:
        """The state that the offer is answered with."""
        fields = {"key": signer.public, "address": PublicAddress("a.example", 4433), "country": "XY", "free": 9}
        moment = datetime.fromtimestamp(self.now if at is None else at, UTC)
        data = sign_offer(signer, DIRECTORY.public, moment, ListedServer(**(fields | more)), purpose)
        return self.registrar.take(read_offer(data, DIRECTORY.public), self.now).state

    def test(self, findings: tuple[str, ...] = (), origin: NetworkOrigin = UNKNOWN_ORIGIN) -> int:
        """Test all that is due; how many."""
        due = self.registrar.due(self.now)
        for known in due:
            self.registrar.tested(known, self.now, findings, origin)
        return len(due)

    def listed(self) -> list[bytes]:
        return [server.key for server in self.registrar.listed(self.now)]

    def pass_time(self, seconds: int, *renewing: Signer) -> None:
        """Let time pass while these servers renew their offers."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 300)
            for signer in renewing:
                self.offer(signer)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    made = Play(tmp_path)
    yield made
    made.table.close()


@pytest.fixture
def signer() -> Signer:
    return Signer.fresh()


def test_tested_then_approved_then_listed(play: Play, signer: Signer):
    assert play.offer(signer) == "untested"
    play.table.decide(signer.public, "approved")
    assert play.listed() == []
    assert play.test() == 1
    assert play.offer(signer) == "listed"
    assert play.listed() == [signer.public]


def test_without_approval_it_is_tested_and_not_listed(play: Play, signer: Signer):
    play.offer(signer)
    play.test()
    assert play.offer(signer) == "approval"
    assert play.listed() == []


def test_an_open_directory_lists_what_passes(tmp_path: Path, signer: Signer):
    play = Play(tmp_path, is_open=True)
    play.offer(signer)
    play.test()
    assert play.listed() == [signer.public]
    play.table.decide(signer.public, "refused")
    assert (play.listed(), play.offer(signer)) == ([], "refused")
    assert play.test() == 0
    play.table.close()


def test_what_fails_its_first_test_is_never_listed(play: Play, signer: Signer):
    play.offer(signer)
    play.table.decide(signer.public, "approved")
    play.test(FAILED)
    assert play.offer(signer) == "failed"
    assert play.registrar.answer(play.table.all()[0], play.now).findings == FAILED
    assert play.listed() == []


def test_what_fails_its_first_test_is_tried_again_after_a_minute_then_later(play: Play, signer: Signer):
    play.offer(signer)
    for wait_s in (60, 900, 1800):
        assert play.test(FAILED) == 1
        play.pass_time(wait_s - 1, signer)
        assert play.test(FAILED) == 0
        play.pass_time(1, signer)
    assert play.test() == 1


def listed(play: Play, signer: Signer, decision: Decision = "approved") -> None:
    play.offer(signer)
    play.table.decide(signer.public, decision)
    play.test()
    assert play.listed() == [signer.public]


def test_it_is_tested_every_hour(play: Play, signer: Signer):
    listed(play, signer)
    play.pass_time(HOUR - 1, signer)
    assert play.test() == 0
    play.pass_time(1, signer)
    assert play.test() == 1


def test_one_failure_is_tried_again_and_the_second_delists(play: Play, signer: Signer):
    listed(play, signer)
    play.pass_time(HOUR, signer)
    play.test(FAILED)
    assert play.listed() == [signer.public]
    play.pass_time(60, signer)
    assert play.test(FAILED) == 1
    assert (play.listed(), play.offer(signer)) == ([], "failed")
    play.pass_time(HOUR, signer)
    assert play.test() == 1
    assert play.listed() == [signer.public]


def test_where_most_fail_at_once_it_is_the_directorys_own_line(tmp_path: Path):
    play, signers = Play(tmp_path, is_open=True), [Signer.fresh() for _ in range(10)]
    for signer in signers:
        play.offer(signer)
    play.test()
    for _ in range(6):
        play.pass_time(HOUR // 2, *signers)
        play.test(FAILED)
    assert len(play.listed()) > 5
    play.pass_time(HOUR, *signers)
    play.test()
    assert len(play.listed()) == 10
    play.table.close()


def test_a_few_that_fail_at_once_are_delisted(tmp_path: Path):
    play, signers = Play(tmp_path, is_open=True), [Signer.fresh() for _ in range(10)]
    for signer in signers:
        play.offer(signer)
    play.test()
    for _ in range(3):
        play.pass_time(HOUR, *signers)
        for known in play.registrar.due(play.now):
            bad = known.key in {signer.public for signer in signers[:3]}
            play.registrar.tested(known, play.now, FAILED if bad else ())
    assert set(play.listed()) == {signer.public for signer in signers[3:]}
    play.table.close()


def test_what_is_not_heard_of_is_gone_after_sixteen_minutes(play: Play, signer: Signer):
    listed(play, signer)
    play.pass_time(960)
    assert play.listed() == [signer.public]
    play.pass_time(1)
    assert play.listed() == []
    play.offer(signer)
    assert play.listed() == [signer.public]


def test_what_is_taken_back_is_gone_at_once(play: Play, signer: Signer):
    listed(play, signer)
    assert play.offer(signer, "leave") == "left"
    assert play.listed() == []


def test_another_address_has_to_pass_the_test_itself(play: Play, signer: Signer):
    """The key is the operator's own, the machine somebody else's: nothing there answers with that key."""
    listed(play, signer)
    assert play.offer(signer, address=PublicAddress("somebody.else", 443)) == "untested"
    assert play.listed() == []
    play.test(("seen from outside: Somebody else answers.",))
    assert play.listed() == []


def test_a_test_that_ended_after_a_move_does_not_count(play: Play, signer: Signer):
    play.offer(signer)
    play.table.decide(signer.public, "approved")
    (due,) = play.registrar.due(play.now)
    play.offer(signer, address=PublicAddress("somebody.else", 443))
    play.registrar.tested(due, play.now, ())
    assert play.listed() == []


def test_a_test_alone_lists_nothing_and_disturbs_no_listing(play: Play, signer: Signer):
    play.offer(signer, "test")
    play.table.decide(signer.public, "approved")
    play.test()
    assert play.listed() == []
    play.offer(signer)
    assert play.listed() == [signer.public]
    play.pass_time(120, signer)
    play.offer(signer, "test")
    assert play.listed() == [signer.public]
    assert play.test() == 1


def test_where_it_is_is_what_the_directory_finds(play: Play, signer: Signer):
    play.offer(signer)
    play.table.decide(signer.public, "approved")
    play.test(origin=NetworkOrigin("AS64500", "ZA"))
    play.offer(signer, country="XY")
    (found,) = play.registrar.listed(play.now)
    assert (found.network, found.country) == (64500, "ZA")


def test_a_wrong_clock_and_an_older_offer_are_refused(play: Play, signer: Signer):
    with pytest.raises(ReportRefusedError, match="20 minutes off"):
        play.offer(signer, at=play.now - 1200)
    play.offer(signer)
    with pytest.raises(ReportRefusedError) as refused:
        play.offer(signer, "leave", at=play.now - 1)
    assert refused.value.code == "replayed"


def test_the_list_is_new_each_hour_and_soon_after_a_change(play: Play, signer: Signer):
    def serial() -> int:
        data = play.registrar.publish(play.now)
        found = read_list(data, DIRECTORY.public, datetime.fromtimestamp(play.now, UTC))
        assert [server.key for server in found.servers] == play.listed()
        return found.serial

    first = serial()
    play.now += 61
    assert serial() == first
    listed(play, signer)
    second = serial()
    assert second > first
    play.pass_time(HOUR - 1, signer)
    assert serial() == second
    play.pass_time(1, signer)
    assert serial() > second


def test_serials_go_on_where_the_clock_was_set_back(play: Play):
    first = read_list(play.registrar.publish(play.now), DIRECTORY.public, datetime.fromtimestamp(play.now, UTC))
    play.now -= 86_400
    again = play.registrar.publish(play.now)
    assert read_list(again, DIRECTORY.public, datetime.fromtimestamp(first.issued, UTC)).serial == first.serial


def test_decisions_outlast_a_restart_and_silence_ends_the_rest(play: Play, signer: Signer, tmp_path: Path):
    listed(play, signer)
    other = Signer.fresh()
    play.offer(other)
    play.now += 2 * 86_400
    play.registrar.forget(play.now)
    again = ServerTable(tmp_path)
    assert [(known.key, known.decision) for known in again.all()] == [(signer.public, "approved")]
    again.remove(signer.public)
    assert play.table.count() == 0
    again.close()


def test_a_table_that_is_none_stops_the_observatory(tmp_path: Path):
    (tmp_path / SERVERS_FILE).write_bytes(b"no database" * 100)
    with pytest.raises(FileError, match="backup"):
        ServerTable(tmp_path)
