"""Relay, peer or local network; encrypted or not."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.recognised_calls import Datagram, OwnCall, in_channel, stun_message, video_packets, voice_packets
from factories.packets.shaped_calls import BEGIN_NS, CALLER, PEER_PORT, SERVER, packets_of, shaped_call
from talkpath.apps.contract.flow_view import FlowView
from talkpath.capture.calls.paths import RELAYED_PORTS, is_encrypted, is_peer_relayed
from talkpath.capture.recognise.evidence import KnownFlow
from talkpath.capture.streams.figures import FIGURE_TYPE
from talkpath.measure.call import Call
from talkpath.wire.rtc.stun import Attribute, Type

NEIGHBOUR = bytes((10, 0, 0, 9))


def found(datagrams: list[Datagram], far: bytes = SERVER, far_port: int = PEER_PORT) -> Call:
    made = OwnCall("", (), "p2p", datagrams).packets()
    ports = PEER_PORT.to_bytes(2, "big"), far_port.to_bytes(2, "big")
    moved = [Packet(one.time_ns, one.data.replace(SERVER, far).replace(*ports)) for one in made]
    (only,) = facts_of(moved).calls
    return only


def checks(*, peer: bool, names: bytes = b"abcd:efgh") -> list[Datagram]:
    """ICE checks of this end, answered; of the peer too, where it is one."""
    user = (Attribute.USERNAME, names)
    out: list[Datagram] = []
    for number in range(6):
        out.append((0.1 * number, True, stun_message(Type.BINDING_REQUEST, number, user)))
        out.append((0.1 * number + 0.03, False, stun_message(Type.BINDING_RESPONSE, number)))
        if peer:
            out.append((0.1 * number + 0.05, False, stun_message(Type.BINDING_REQUEST, 100 + number, user)))
            out.append((0.1 * number + 0.06, True, stun_message(Type.BINDING_RESPONSE, 100 + number)))
    return out


def test_a_peer_checks_too():
    assert found([*checks(peer=True), *voice_packets(111, 6)]).transport == "p2p"


@pytest.mark.parametrize(
    ("far", "transport"),
    [((93, 71, 110, 205), "p2p"), ((18, 195, 131, 143), "unknown"), ((95, 216, 7, 7), "unknown")],
    ids=["a home", "Amazon", "Hetzner"],
)
def test_a_peer_in_a_data_centre_may_be_a_server(far: tuple[int, int, int, int], transport: str):
    assert found([*checks(peer=True), *voice_packets(111, 6)], bytes(far)).transport == transport


@pytest.mark.parametrize(("port", "transport"), [(80, "relay"), (3478, "relay"), (19305, "relay"), (40123, "p2p")])
def test_a_peer_at_a_servers_port_is_a_server(port: int, transport: str):
    """Feishu's checks both ways with port 80."""
    assert found([*checks(peer=True), *voice_packets(111, 6)], far_port=port).transport == transport


def test_a_neighbour_has_any_port():
    assert found([*checks(peer=True), *voice_packets(111, 6)], NEIGHBOUR, 3478).transport == "p2p"


@pytest.mark.parametrize(
    ("lengths", "transport"),
    [((4, 4), "p2p"), ((8, 8), "p2p"), ((8, 4), "p2p"), ((26, 4), "relay"), ((116, 32), "relay"), ((40, 40), "relay")],
)
def test_names_of_a_session_tell_servers(lengths: tuple[int, int], transport: str):
    """Phones and browsers have names of four or eight letters; Meet 26:4, Feishu 116:32."""
    names = b"a" * lengths[0] + b":" + b"b" * lengths[1]
    assert found([*checks(peer=True, names=names), *voice_packets(111, 6)]).transport == transport


@pytest.mark.parametrize(("answers", "transport"), [(True, "unknown"), (False, "p2p")])
def test_two_ports_of_one_far_address_may_be_a_servers(answers: bool, transport: str):
    made = OwnCall("", (), "p2p", [*checks(peer=True), *voice_packets(111, 6)]).packets()
    other = OwnCall("", (), "p2p", [one for one in checks(peer=False) if one[1] or answers]).packets()
    ports = PEER_PORT.to_bytes(2, "big"), (PEER_PORT + 1).to_bytes(2, "big")
    beside = [Packet(one.time_ns + 1000, one.data.replace(*ports)) for one in other]
    (only,) = facts_of(sorted([*made, *beside], key=lambda one: one.time_ns)).calls
    assert only.transport == transport
    assert len(only.flows) == 2


def zoom_between_phones(second: int) -> list[Datagram]:
    """Zoom's packets between two phones: the media header alone before RTP, whatever its second byte is."""
    hello = b"\x1f\x02\x01" + bytes(81)
    setup: list[Datagram] = [(0.1 * number, number % 2 == 0, hello) for number in range(4)]
    sound = [(at_s, sent, bytes((15, second)) + bytes(17) + data) for at_s, sent, data in voice_packets(113, 6)]
    pictures = [(at_s, sent, bytes((16, second)) + bytes(22) + data) for at_s, sent, data in video_packets(98, 6)]
    return [*setup, *sound, *pictures]


@pytest.mark.parametrize("second", [0, 1, 7])
def test_zoom_inside_one_network_has_both_media_and_both_directions(second: int):
    call = found(zoom_between_phones(second), NEIGHBOUR)
    assert (call.app, call.transport, call.media) == ("zoom", "p2p", ("voice", "video"))
    every = {(direction, medium) for direction in ("sent", "received") for medium in ("voice", "video")}
    assert {(one.direction, one.medium) for one in call.streams} == every


def test_a_far_end_that_only_answers_checks_is_a_server():
    hello = (0.9, True, b"\x16\xfe\xff" + bytes(8) + b"\x00\x20\x01" + bytes(31))
    assert found([*checks(peer=False), hello, *voice_packets(111, 6)]).transport == "relay"


def test_media_inside_turn_is_relayed():
    asks = [(0.0, True, stun_message(Type.ALLOCATE_REQUEST, 1)), (0.02, False, stun_message(Type.ALLOCATE_RESPONSE, 1))]
    assert found([*asks, *map(in_channel, voice_packets(111, 6))]).transport == "relay"


def test_nothing_tells_of_plain_rtp():
    assert found(list(voice_packets(8, 6, clock=8000))).transport == "unknown"


def test_a_peer_in_the_same_network():
    call_ = found([*checks(peer=True), *voice_packets(111, 6)], NEIGHBOUR)
    assert {flow.kind for flow in call_.flows} == {"local"}
    assert call_.transport == "p2p"


ARMS = {
    "whatsapp/fast20/voice": "relay",
    "webrtc/dtls/voice": "p2p",
    "meet/sfu/voice": "relay",
    "telegram/reflector/voice": "relay",
}


@pytest.mark.parametrize("arm", ARMS)
def test_arms(arm: str):
    (only,) = facts_of(packets_of(shaped_call(arm, 200))).calls
    assert only.transport == ARMS[arm]


class TestRelayedPeer:
    @staticmethod
    def flow(*peers: tuple[bytes, bytes]) -> KnownFlow:
        known = KnownFlow(FlowView(number=0), 0)
        known.peers |= set(peers)
        return known

    def test_one_address_and_several_ports(self):
        ports = [(b"addr", number.to_bytes(2, "big")) for number in range(RELAYED_PORTS)]
        assert is_peer_relayed([self.flow(*ports)])
        assert is_peer_relayed([self.flow(ports[0]), self.flow(*ports[1:])])

    def test_several_addresses_are_candidates_of_a_peer(self):
        assert not is_peer_relayed([self.flow(*((bytes((number,)) * 4, b"\x00\x01") for number in range(5)))])

    def test_few_ports(self):
        assert not is_peer_relayed([self.flow((b"addr", b"\x00\x01"))])

    def test_no_permissions(self):
        assert not is_peer_relayed([])


class TestEncrypted:
    @staticmethod
    def voices(kind: int, rows: int = 100, plain: int = 100) -> np.ndarray:
        out = np.zeros(1, FIGURE_TYPE)
        out["first_type"], out["rows"], out["eighties"], out["tens"] = kind, rows, plain, plain
        return out

    def test_dtls(self):
        assert is_encrypted("unknown", self.voices(0), True) is True

    @pytest.mark.parametrize(("app", "known"), [("whatsapp", True), ("discord", True), ("webrtc", True)])
    def test_by_app(self, app: str, known: bool):
        assert is_encrypted(app, self.voices(0), False) is known

    @pytest.mark.parametrize("kind", [0, 8, 9, 18])
    def test_by_the_size_of_payloads(self, kind: int):
        assert is_encrypted("rtp", self.voices(kind), False) is False
        assert is_encrypted("rtp", self.voices(kind, plain=0), False) is True
        assert is_encrypted("rtp", self.voices(kind, plain=50), False) is None

    def test_other_payload_types_tell_nothing(self):
        assert is_encrypted("rtp", self.voices(111), False) is None
        assert is_encrypted("unknown", self.voices(0)[:0], False) is None

    def test_a_plain_call_over_the_wire(self):
        packets = []
        for number in range(200):
            data = struct.pack("!BBHII", 0x80, 8, number, 160 * number, 7) + bytes(160)
            packets.append(Packet(BEGIN_NS + number * 20_000_000, udp_packet(CALLER, SERVER, 4000, 5000, data)))
        (only,) = facts_of(packets).calls
        assert only.encrypted is False
