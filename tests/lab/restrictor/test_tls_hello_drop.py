"""`tls.hello_drop` lets no TCP connection go on whose ClientHello one implementation wrote."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.errors import UsageError
from talkpath.lab.path.link import DROP, LAB_PROBE, PASS, RESET, RESPONDER, LabHost
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.wire.control import tls
from talkpath.wire.ip.packets import TcpWriter
from talkpath.wire.tls import client_hello

SYN, PUSH_ACK = 2, 24
TELEGRAM = app_relay("telegram")


def written(name: str) -> bytes:
    """A ClientHello of the project's codec, or of the contexts with which it opens connections."""
    if name in ("browser", "openssl"):
        return client_hello(name, "www.example.org", Random(2))
    context = tls.browser_like_context() if name == "our browser" else tls.client_context()
    return tls.Channel(context, server=False, name="www.example.org").out()


def segments(data: bytes, size: int, far: LabHost, family: int = 4) -> list[bytes]:
    """The SYN and the data of a connection."""
    writer = TcpWriter(LAB_PROBE.address(family, 40000), far.address(family, 443))
    pieces = [(1 + at, data[at : at + size]) for at in range(0, len(data), size)]
    return [writer.packet_unsummed(0, SYN, b""), *(writer.packet_unsummed(at, PUSH_ACK, piece) for at, piece in pieces)]


def fates(rule: str, packets: list[bytes]) -> list[float]:
    restrictor = Restrictor([parse_rule(rule)], 1)
    return [restrictor.fate(0.1 * number, True, packet) for number, packet in enumerate(packets)]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", ["browser", "openssl", "our browser", "our own"])
def test_the_hello_of_its_writer_gets_no_further_and_others_do(name: str, family: int) -> None:
    maker = "browser" if "browser" in name else "openssl"
    hello = segments(written(name), 1400, RESPONDER, family)
    for wanted in ("browser", "openssl", "any"):
        came = fates(f"tls.hello_drop,hello={wanted}", hello)
        assert came[:-1] == [PASS] * (len(hello) - 1)
        assert (came[-1] == DROP) is (wanted in ("any", maker))


def test_a_hello_in_small_segments_in_any_order_is_put_together_and_dropped_as_often_as_it_is_sent() -> None:
    syn, *pieces = segments(written("browser"), 200, RESPONDER)
    first, *others = pieces
    Random(3).shuffle(others)
    came = fates("tls.hello_drop,hello=browser", [syn, first, *others, *pieces])
    assert DROP in came[: 1 + len(pieces)]
    assert came[1 + len(pieces) :] == [DROP] * len(pieces)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n" + bytes(600), b"\x16\x03\x01" + bytes(600), bytes(40_000)])
def test_what_is_no_hello_passes(data: bytes) -> None:
    assert set(fates("tls.hello_drop", segments(data, 1400, RESPONDER))) == {PASS}


def test_answers_and_datagrams_pass() -> None:
    back = TcpWriter(RESPONDER.address(4, 443), LAB_PROBE.address(4, 40000)).packet_unsummed(
        1, PUSH_ACK, written("openssl")
    )
    assert Restrictor([parse_rule("tls.hello_drop")], 1).fate(0.0, False, back) == PASS
    with pytest.raises(UsageError, match="direction"):
        parse_rule("tls.hello_drop,direction=down")


def test_bound_to_an_app_it_acts_on_what_goes_there_alone() -> None:
    rule = "tls.hello_drop,hello=openssl,app=telegram,to=app"
    assert fates(rule, segments(written("openssl"), 1400, TELEGRAM))[-1] == DROP
    assert fates(rule, segments(written("browser"), 1400, TELEGRAM))[-1] == PASS
    for far in (RESPONDER, app_relay("whatsapp")):
        assert fates(rule, segments(written("openssl"), 1400, far))[-1] == PASS


def test_it_may_answer_with_a_reset_each_time() -> None:
    pieces = segments(written("browser"), 1400, RESPONDER)
    came = fates("tls.hello_drop,hello=browser,act=reset", [*pieces, pieces[-1]])
    assert came == [*[PASS] * (len(pieces) - 1), RESET, RESET]
