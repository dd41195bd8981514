"""The relay between sockets of 127.0.0.1: what the network says is what happens, datagram by datagram."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from factories.packets.ip_parsers import parse_tcp, parse_udp
from talkpath.errors import UsageError
from talkpath.lab.drivers.delivery import RouterHealth
from talkpath.lab.drivers.loopback import INEXPRESSIBLE, Listener, LoopbackRelay, RelayJob, refuse_rules, relay_process
from talkpath.lab.path.headers import five_tuple, tcp_segment
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.wire.ip.packets import parse_ip, replace_port

HERE = "127.0.0.1"
Fate = Callable[[float, str, bytes], list[tuple[float, bytes]]]


class Watched:
    """A network that passes all on at once, or does what `fate` says; `seen` is what entered it."""

    health: RouterHealth  # of the relay, when it has ended

    def __init__(self, fate: Fate = lambda now_s, direction, packet: [(now_s, packet)]) -> None:
        self.fate = fate
        self.seen: list[tuple[str, bytes]] = []
        self.dropped: Counter[str] = Counter()

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        self.seen.append((direction, packet))
        return self.fate(now_s, direction, packet)


@contextmanager
def relayed(network: Watched, *listeners: Listener, family: int = 4) -> Iterator[list[int]]:
    """The relay's loop in a thread; its ports, in the listeners' order. `network.health` at the end."""
    running = LoopbackRelay(RelayJob(network, listeners, family))
    stop, telling = socket.socketpair()
    with stop, telling:
        thread = threading.Thread(target=running.run, args=(stop,))
        thread.start()
        try:
            yield running.ports
        finally:
            telling.send(b".")
            thread.join()
            network.health = running.close(realtime=False)


@contextmanager
def udp(port: int = 0) -> Iterator[socket.socket]:
    """A socket of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((HERE, port))
        made.settimeout(5)
        yield made


def port_of(sock: socket.socket) -> int:
    """Its local port."""
    return int(sock.getsockname()[1])


def listening(real: socket.socket) -> Listener:
    """The responder's port 443, really this socket."""
    return Listener(RESPONDER.name, "udp" if real.type == socket.SOCK_DGRAM else "tcp", 443, port_of(real))


def dialled(port: int) -> socket.socket:
    """A connection to a port of 127.0.0.1."""
    return socket.create_connection((HERE, port), timeout=5)


@pytest.mark.parametrize(
    ("family", "probe", "far"), [(4, LAB_PROBE.ipv4, RESPONDER.ipv4), (6, LAB_PROBE.ipv6, RESPONDER.ipv6)]
)
def test_the_network_sees_whole_packets_between_the_labs_addresses(family: int, probe: str, far: str) -> None:
    network = Watched()
    with udp() as server, udp() as client:
        listener = Listener(RESPONDER.name, "udp", 3478, port_of(server))
        with relayed(network, listener, family=family) as (port,):
            client.sendto(b"ping", (HERE, port))
            data, back = server.recvfrom(100)
            assert data == b"ping"
            server.sendto(b"pong", back)
            assert client.recvfrom(100) == (b"pong", (HERE, port))
        near = port_of(client)
    packets = [parse_ip(packet) for _, packet in network.seen]
    assert [direction for direction, _ in network.seen] == ["up", "down"]
    assert [packet.source.reveal()[0] for packet in packets] == [probe, far]
    assert [packet.destination.reveal()[0] for packet in packets] == [far, probe]
    up, down = (parse_udp(packet) for packet in packets)
    assert (up.source_port, up.destination_port, up.payload) == (near, 3478, b"ping")
    assert (down.source_port, down.destination_port, down.payload) == (3478, near, b"pong")


def test_each_client_port_has_its_own_way_back_through_every_listener() -> None:
    network = Watched()
    with udp() as first, udp() as second, udp() as one, udp() as other:
        listeners = [
            Listener(RESPONDER.name, "udp", virtual, port_of(real)) for virtual, real in ((443, first), (3478, second))
        ]
        with relayed(network, *listeners) as ports:
            seen = {}
            for client in (one, other):
                for server, port in zip((first, second), ports, strict=True):
                    client.sendto(b"?", (HERE, port))
                    _, back = server.recvfrom(100)
                    server.sendto(b"%d %d" % (port, port_of(client)), back)
                    assert client.recvfrom(100) == (b"%d %d" % (port, port_of(client)), (HERE, port))
                    seen[client, server] = back
    assert seen[one, first] == seen[one, second] != seen[other, first] == seen[other, second]
    assert network.health.packets_out == 8


def test_a_dropped_packet_does_not_arrive_and_a_late_or_doubled_one_does() -> None:
    def fate(now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        what = packet[28:]
        if what == b"drop":
            return []
        if what == b"late":
            return [(now_s + 0.2, packet)]
        return [(now_s, packet)] * (2 if what == b"twice" else 1)

    with udp() as server, udp() as client, relayed(Watched(fate), listening(server)) as (port,):
        for data in (b"late", b"drop", b"once", b"twice"):
            client.sendto(data, (HERE, port))
        assert [server.recv(100) for _ in range(4)] == [b"once", b"twice", b"twice", b"late"]


def test_a_translated_port_is_another_client_to_the_listener_and_finds_back() -> None:
    client_port = [0]

    def fate(now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        if direction == "up":
            return [(now_s, replace_port(packet, 61000, source=True) if packet[28:] == b"moved" else packet)]
        return [(now_s, replace_port(packet, client_port[0], source=False))]

    with udp() as server, udp() as client:
        client_port[0] = port_of(client)
        with relayed(Watched(fate), listening(server)) as (port,):
            backs = []
            for data in (b"first", b"moved"):
                client.sendto(data, (HERE, port))
                backs.append(server.recvfrom(100)[1])
                server.sendto(data, backs[-1])
                assert client.recvfrom(100) == (data, (HERE, port))
    assert backs[0] != backs[1]


def test_what_is_for_no_client_and_no_listener_strays() -> None:
    def fate(now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        other = replace_port(packet, 9, source=False)
        icmp = packet[:9] + b"\x01" + packet[10:]
        return [(now_s, other), (now_s, icmp), (now_s, packet)]

    network = Watched(fate)
    with udp() as server, udp() as client, relayed(network, listening(server)) as (port,):
        client.sendto(b"?", (HERE, port))
        assert server.recv(100) == b"?"
    assert network.health.strayed == 2


# -- TCP


@contextmanager
def tcp(network: Watched) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(client, server): the two ends of one connection through the network."""
    with socket.create_server((HERE, 0)) as server:
        server.settimeout(5)
        with relayed(network, listening(server)) as (port,), dialled(port) as client:
            far, _ = server.accept()
            with far:
                far.settimeout(5)
                yield client, far


def received(sock: socket.socket, size: int) -> bytes:
    """That many bytes, or all until the end."""
    data = b""
    while len(data) < size and (more := sock.recv(65536)):
        data += more
    return data


def test_a_stream_arrives_whole_both_ways_and_each_end_is_told_of_the_others() -> None:
    network = Watched()
    up, down = os.urandom(200_000), os.urandom(100_000)
    with tcp(network) as (client, far):
        client.sendall(up)
        assert received(far, len(up)) == up
        client.shutdown(socket.SHUT_WR)
        assert far.recv(10) == b""
        far.sendall(down)
        far.shutdown(socket.SHUT_WR)
        assert received(client, len(down) + 1) == down
    opening, *segments = (packet for direction, packet in network.seen if direction == "up")
    assert parse_tcp(parse_ip(opening)).flags == 2
    assert {five_tuple(packet)[10:12] for packet in segments} == {(443).to_bytes(2, "big")}
    assert sum(len(tcp_segment(packet)[1]) for packet in segments) == len(up)  # their checksums are left out


def test_a_lossy_network_only_delays_a_stream() -> None:
    count = Counter[str]()

    def fate(now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        count[direction] += 1
        return [] if count[direction] % 4 == 3 else [(now_s, packet)]

    data = os.urandom(10_000)
    with tcp(Watched(fate)) as (client, far):
        client.sendall(data)
        assert received(far, len(data)) == data


def test_a_connection_that_the_network_swallows_ends_in_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.lab.path.stream.HANDSHAKE_S", 0.01)

    def fate(now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        return []

    with (
        socket.create_server((HERE, 0)) as server,
        relayed(Watched(fate), listening(server)) as (port,),
        pytest.raises(ConnectionResetError),
        dialled(port) as client,
    ):
        client.recv(10)


def test_a_far_end_that_nobody_listens_on_is_a_reset_too() -> None:
    with socket.create_server((HERE, 0)) as gone:
        nobody = listening(gone)
    with relayed(Watched(), nobody) as (port,), pytest.raises(ConnectionResetError), dialled(port) as client:
        client.recv(10)


# -- the process


def test_the_relays_process_plays_a_scenario_and_reports() -> None:
    network = Scenario.parse("clean", ["udp.block"]).network()
    with udp() as server, udp() as client, socket.create_server((HERE, 0)) as tcp_server:
        listeners = [
            Listener(RESPONDER.name, "udp", 3478, port_of(server)),
            Listener(RESPONDER.name, "tcp", 443, port_of(tcp_server)),
        ]
        with relay_process(network, listeners) as lab:
            client.sendto(b"?", (HERE, lab.ports[RESPONDER.name, "udp", 3478]))
            with dialled(lab.ports[RESPONDER.name, "tcp", 443]) as stream:
                far, _ = tcp_server.accept()
                with far:
                    far.sendall(b"through")
                    assert received(stream, 7) == b"through"
            health = lab.stop()
            assert lab.stop() is health
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.recv(10)
    assert isinstance(health, RouterHealth)
    assert health.dropped == 0
    assert sum(health.network_dropped.values()) == 1


@pytest.mark.parametrize("rule", INEXPRESSIBLE)
def test_a_rule_that_it_cannot_act_out_is_refused_by_name(rule: str) -> None:
    with pytest.raises(UsageError, match=rule.replace(".", r"\.")):
        refuse_rules(["media.drop", rule])
    refuse_rules(["media.drop", "stun.drop"])
