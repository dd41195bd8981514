"""Tests STUN reachability: whether one Binding Request to one server gets an answer.

OONI's test specification ts-025 (stun_reachability, version 2020-06-01-000) describes it: a valid response is success,
anything else failure. The retries are those of the client library that OONI's engine uses (pion/stun: 300 ms, each wait
300 ms longer, seven retransmissions of the same bytes). OONI itself reports a failure without an accusation; here a
failure counts as "calls do not work here".
"""

from __future__ import annotations

from random import Random

from proof.other_methods.method import Method
from proof.other_methods.virtual_path import MethodPacket, VirtualPath
from talkpath.apps.contract.shape import Arm
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_message, encode_xor_address

STUN_TRIES = 8
FIRST_WAIT_S = 0.3


def accuses(line: VirtualPath, arm: Arm, seed: int) -> bool:
    """Returns whether no try was answered. The arm does not matter: the request belongs to no app."""
    transaction = Random(f"binding {seed}").randbytes(12)
    request = encode_message(StunMessage(Type.BINDING_REQUEST, transaction))
    mapped = encode_xor_address(Address.of("192.0.2.10", 40000), transaction)
    answer = encode_message(StunMessage(Type.BINDING_RESPONSE, transaction, ((Attribute.XOR_MAPPED_ADDRESS, mapped),)))
    exchange = [MethodPacket(0.0, "up", 0, request), MethodPacket(0.0, "down", 0, answer)]
    return not any(line.play(exchange, FIRST_WAIT_S * number).get(1) for number in range(1, STUN_TRIES + 1))


METHOD = Method("stun", "one STUN exchange", "OONI ts-025", accuses)
