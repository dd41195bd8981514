"""The driver on real sockets: calls over UDP, TCP and TLS, the ports it takes, and what it makes of the network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from factories.networks.local_responder import FarEnd, free_ports
from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import LOCAL_PORTS
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts, Plan
from talkpath.measure.quality import TALKABLE_MOS, transport_mos
from talkpath.measure.transport_quality import transport_qualities
from talkpath.probe.driver import ProbeDriver
from talkpath.probe.invite_link import InviteLink, parse_invite_link
from talkpath.probe.local_network import local_address, through_tunnel
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.ip.address import Address

PLAN = make_plan(choose_arms(["webrtc"]), k=4, budget_bytes=1_000_000, budget_s=20.0, transports=True)


def only_paths(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch]) -> PlannedEpoch | None:
    return None


def run(link: InviteLink, plan: Plan = PLAN) -> tuple[Check, ProbeDriver]:
    check = Check(plan, bytes(range(32)), planner=only_paths)
    driver = ProbeDriver(check, link)
    driver.run()
    return check, driver


def test_calls_are_carried_over_udp_tcp_and_tls(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        check, _ = run(parse_invite_link(far.link))
    facts = check.facts()
    found = {carry.transport: carry for carry in transport_qualities(facts.epochs)}
    assert {name.partition("/")[0] for name in found} == {"udp", "tcp", "tls", "wss"}
    assert found.keys() >= {f"tcp/{far.tcp}", f"tls/{far.tls}", f"wss/{far.tls}"}
    for name, carry in found.items():
        for way in (carry.up, carry.down):
            assert way.sent, name
            assert way.arrived >= 0.9 * way.sent, name
        assert transport_mos(carry) >= TALKABLE_MOS, name
    assert facts.family == 4
    assert facts.health.ended == "done"


def test_it_works_outside_of_the_main_thread(tmp_path: Path) -> None:
    """Where signals cannot be listened for."""
    done: list[Check] = []
    with FarEnd(tmp_path) as far:
        link = parse_invite_link(far.link)
        plan = make_plan(choose_arms(["webrtc"]), k=2, budget_bytes=1_000_000)
        thread = threading.Thread(target=lambda: done.append(run(link, plan)[0]))
        thread.start()
        thread.join(20)
    (check,) = done
    assert check.facts().health.ended == "done"


def test_nobody_and_a_name_of_nobody_are_facts() -> None:
    (port,) = free_ports(1)
    check, _ = run(InviteLink("127.0.0.1", port, "A" * 43))
    assert check.facts().reach.control == "refused"
    assert [attempt.outcome for attempt in check.facts().reach.attempts] == ["refused"] * 3
    check, _ = run(InviteLink("no-such-host.invalid", 4433, "A" * 43))
    assert check.facts().reach.control == "unresolved"


def test_ports_are_few() -> None:
    assert LOCAL_PORTS <= 128


def test_the_local_address_is_found_without_sending_and_loopback_is_no_tunnel() -> None:
    local = local_address(Address.of("127.0.0.1", 9))
    assert local is not None
    assert local.reveal()[0] == "127.0.0.1"
    assert not through_tunnel(local)
