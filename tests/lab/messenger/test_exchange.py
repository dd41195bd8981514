"""Messages in the lab: on real sockets of this machine, in virtual time, and in namespaces."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from talkpath.lab.drivers import netns
from talkpath.lab.messenger import client
from talkpath.lab.messenger.client import (
    MESSENGER_PORT,
    ROUND_S,
    ROUNDS,
    ExchangeRequest,
    ask_all_rounds,
    ask_argv,
    read_exchanges,
    serve_argv,
)
from talkpath.lab.messenger.simulated import ask_in_sim
from talkpath.lab.path.link import LAB_PROBE, LAB_REFERENCE, MESSENGER
from talkpath.measure.facts import Exchange
from talkpath.wire.control.keys import new_identity_pem, pem_key_text

InLab = Callable[..., Any]
APPS = ("telegram", "whatsapp")


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds close together: what is asked does not depend on the pauses."""
    monkeypatch.setattr(client, "ROUND_S", 0.05)
    monkeypatch.setattr(client, "TIMEOUT_S", 1.0)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A running host: (port, key)."""
    pem = tmp_path / "host.pem"
    pem.write_bytes(new_identity_pem())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with netns.Program.local(serve_argv(port, pem, "127.0.0.1")) as program:
        program.line("ready")
        yield port, pem_key_text(pem.read_bytes())


def shape(exchanges: list[Exchange]) -> list[tuple[str, str, bool]]:
    return [(each.app, each.host, each.neutral) for each in exchanges]


ROUND = [("telegram", "messenger", False), ("whatsapp", "messenger", False), ("", "reference", True)]


def test_every_round_asks_each_app_and_the_neutral_host(host: tuple[int, str], one_second: None) -> None:
    port, key = host
    found = ask_all_rounds(ExchangeRequest(APPS, (("127.0.0.1", port), ("127.0.0.1", port)), key))
    assert shape(found) == ROUND * ROUNDS
    assert all(each.ok and each.failure == "" and each.rtt_ms is not None for each in found)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return int(once.getsockname()[1])


def test_a_host_that_refuses_fails_alone(host: tuple[int, str], one_second: None) -> None:
    port, key = host
    found = ask_all_rounds(ExchangeRequest(APPS, (("127.0.0.1", closed_port()), ("127.0.0.1", port)), key))
    assert {(each.neutral, each.failure) for each in found} == {(False, "connection_refused"), (True, "")}
    assert all(each.rtt_ms is None for each in found if not each.ok)


def test_a_host_with_another_key_is_not_the_messenger(host: tuple[int, str], one_second: None) -> None:
    port, _ = host
    other = pem_key_text(new_identity_pem())
    found = ask_all_rounds(ExchangeRequest(("telegram",), (("127.0.0.1", port), ("127.0.0.1", port)), other))
    assert {each.failure for each in found} == {"ssl_unknown_authority"}


def test_a_host_that_says_nothing_times_out(host: tuple[int, str], one_second: None) -> None:
    _, key = host
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = ("127.0.0.1", mute.getsockname()[1])
        found = ask_all_rounds(ExchangeRequest(("telegram",), (place, place), key))
    assert {each.failure for each in found} == {"generic_timeout_error"}


def test_no_address_in_what_is_written(host: tuple[int, str], one_second: None) -> None:
    port, key = host
    with netns.Program.local(
        ask_argv(ExchangeRequest(("telegram",), (("127.0.0.1", port), ("127.0.0.1", port)), key))
    ) as program:
        outcome = program.finish(20)
    assert b"127." not in outcome.stdout
    assert len(read_exchanges(outcome.stdout)) == 2 * ROUNDS


def test_a_program_that_was_cut_off_gives_no_exchange() -> None:
    assert read_exchanges(b"") == ()
    assert read_exchanges(b'[{"app": "tele') == ()


class Line:
    """A world in virtual time: 20 ms each way, what `drop` says is lost. Keeps what was offered."""

    def __init__(self, drop: Callable[[bytes], bool] = lambda packet: False) -> None:
        self.now_s = 0.0
        self.packets: list[bytes] = []
        self._drop, self._agenda, self._order = drop, [], 0

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        self._order += 1
        self._agenda.append((at_s, self._order, action))

    def offer(self, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        self.packets.append(packet)
        return [] if self._drop(packet) else [(self.now_s + 0.02, packet)]

    def run(self) -> None:
        while self._agenda:
            next_one = min(self._agenda)
            self._agenda.remove(next_one)
            self.now_s = next_one[0]
            next_one[2]()


def test_in_virtual_time_the_answer_takes_one_round_trip() -> None:
    line = Line()
    found = ask_in_sim(line, APPS)
    line.run()
    assert sorted(shape(found)) == sorted(ROUND * ROUNDS)
    assert [each.rtt_ms for each in found] == [pytest.approx(40.0)] * len(found)
    assert {each.at_s for each in found} == {number * ROUND_S for number in range(ROUNDS)}


@pytest.mark.parametrize("family", [4, 6])
def test_in_virtual_time_a_dead_messenger_leaves_the_neutral_host(family: int) -> None:
    address = MESSENGER.packed()[0 if family == 4 else 1]
    line = Line(drop=lambda packet: address in packet[:40])
    found = ask_in_sim(line, APPS, family)
    line.run()
    assert {(each.neutral, each.failure) for each in found} == {(False, "generic_timeout_error"), (True, "")}
    assert len(found) == len(ROUND) * ROUNDS


@pytest.mark.parametrize("seed", range(20))
def test_in_virtual_time_bad_weather_is_survived_or_told(seed: int) -> None:
    dice = Random(seed)
    line = Line(drop=lambda packet: dice.random() < 0.1)
    found = ask_in_sim(line, APPS)
    line.run()
    assert len(found) == len(ROUND) * ROUNDS
    assert {each.failure for each in found} <= {"", "generic_timeout_error"}
    assert sum(each.ok for each in found) >= len(found) - 2


class Plain:
    """A network of 1 ms."""

    dropped: dict[str, int] = {}  # noqa: RUF012

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        return [(now_s + 0.001, packet)]


def asked_in_namespaces(pem_text: str, family: int) -> list[Any]:
    """In the lab: both hosts, and the one who asks."""
    pem = Path(pem_text)
    hosts = MESSENGER, LAB_REFERENCE
    places = [(host.ipv4 if family == 4 else host.ipv6, MESSENGER_PORT) for host in hosts]
    with netns.netns_lab(Plain()) as lab:
        for host in hosts:
            lab.start(host.name, serve_argv(MESSENGER_PORT, pem)).line("ready")
        request = ExchangeRequest(("telegram",), (places[0], places[1]), pem_key_text(pem.read_bytes()))
        out = lab.start(LAB_PROBE.name, ask_argv(request)).finish(30).stdout
    return [[each.app, each.neutral, each.failure] for each in read_exchanges(out)]


@pytest.mark.parametrize("family", [4, 6])
def test_in_namespaces_both_hosts_answer(in_lab: InLab, tmp_path: Path, family: int) -> None:
    pem = tmp_path / "hosts.pem"
    pem.write_bytes(new_identity_pem())
    found = in_lab(asked_in_namespaces, str(pem), family)
    assert found == [["telegram", False, ""], ["", True, ""]] * ROUNDS
