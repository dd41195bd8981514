"""What a check with a server of a list goes on to call: addresses that were looked up once, and public."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from factories.networks.server_lists import listed_server
from talkpath.api import listed_check
from talkpath.api.listed_check import ListedCheck, measure_listed
from talkpath.cli import check as check_command
from talkpath.cli.check.own_means import OwnAnswers, OwnMeans
from talkpath.conduct.request import UNOBSERVED, CheckRequest
from talkpath.directory.fetch import FoundList
from talkpath.directory.listed_server import ListedAddresses
from talkpath.directory.server_list import ServerList
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import ControlAttempt, Facts, Health, Reach
from talkpath.probe.invite_link import InviteLink
from talkpath.wire.control.keys import Signer

PLAN = make_plan(choose_arms(["webrtc"]))
REACHED = Facts(plan=PLAN, health=Health(ended="interrupted"))
UNREACHED = replace(REACHED, reach=Reach(control="timeout"))
ADDRESSES = ["192.0.9.9", "2606:4700::1"]


class Repointed:
    """A name that leads to a public address when it is looked up first, and into the person's own network later."""

    def __init__(self) -> None:
        self.lookups = 0

    def __call__(self, host: str) -> list[str]:
        self.lookups += 1
        return ADDRESSES if self.lookups == 1 else ["192.168.1.1"]


def listed_once(monkeypatch: pytest.MonkeyPatch, facts: Facts) -> tuple[ListedCheck, list[InviteLink]]:
    """A check with the one server of a list, which ends with these facts; and the links over the other family."""
    lookup, over_other = Repointed(), list[InviteLink]()

    def other_family(request: CheckRequest, first: Facts, link: InviteLink, *rest: object) -> None:
        over_other.append(link)

    monkeypatch.setattr(listed_check, "listed_addresses", lambda: ListedAddresses(lookup=lookup))
    monkeypatch.setattr("talkpath.conduct.run_check.run_check", lambda *given: facts)
    monkeypatch.setattr("talkpath.conduct.other_family.check_other_family", other_family)
    found = FoundList(ServerList("talkpath.servers/1", bytes(32), 1, 0, (listed_server(1),)), "ZA")
    checked = measure_listed(CheckRequest(plan=PLAN), found, (Signer.fresh(), Signer.fresh()), UNOBSERVED)
    assert lookup.lookups == 1
    return checked, over_other


@pytest.mark.parametrize("family", [4, 6])
def test_a_name_that_is_pointed_elsewhere_during_a_check_leads_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, family: int
) -> None:
    """Control traffic goes to the address that showed the key, a check over the other version of IP to the other."""
    used, other = sorted(ADDRESSES, key=lambda address: (":" in address) != (family == 6))
    checked, over_other = listed_once(monkeypatch, replace(REACHED, family=family))
    assert checked.link.addresses == (used,)
    assert [link.addresses for link in over_other] == [(other,)]


def test_a_server_that_did_not_answer_is_called_at_the_same_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, _ = listed_once(monkeypatch, UNREACHED)
    assert checked.link.addresses == tuple(ADDRESSES)


def test_an_address_that_took_a_connection_without_the_key_takes_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = ControlAttempt(443, "other_key", "named"), ControlAttempt(443, "connected", "named")
    _, over_other = listed_once(monkeypatch, replace(REACHED, reach=Reach(attempts=attempts)))
    assert over_other == []


@pytest.mark.parametrize("facts", [REACHED, UNREACHED])
def test_control_traffic_goes_to_a_listed_server_that_showed_its_key_alone(
    monkeypatch: pytest.MonkeyPatch, facts: Facts
) -> None:
    """`check --own`, with a server of a list that answered and with one that did not."""
    called: list[InviteLink | None] = []

    def answers(own: OwnMeans, chosen: object, names: object, link: InviteLink | None, family: int) -> OwnAnswers:
        called.append(link)
        return OwnAnswers()

    facts = replace(facts, health=Health())
    link = InviteLink("192.0.9.9", 443, listed_server(1).key_text)
    monkeypatch.setattr(check_command, "find_list", lambda *given: FoundList(None, "ZA"))  # type: ignore[arg-type]
    monkeypatch.setattr(check_command, "measure_listed", lambda *given: ListedCheck(facts, None, link))
    monkeypatch.setattr(OwnMeans, "answers", answers)
    done = CliRunner().invoke(check_command.command, ["--own", "--app", "telegram", "--yes"], standalone_mode=False)
    assert done.exception is None, done.output
    assert called == [link if facts.reach.control == "connected" else None]
