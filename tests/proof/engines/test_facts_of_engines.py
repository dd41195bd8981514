"""Holds how facts of engines are read from bytes, stored, and compared."""

from __future__ import annotations

import tomllib

import pytest

from proof.engines import facts, pcap
from proof.engines.path import CALLEE, CALLER

from .test_path import udp

HELLO = (
    bytes.fromhex("fefd")
    + bytes(32)
    + b"\0\0"
    + bytes.fromhex("0004c02bc02f")
    + b"\x01\0"
    + bytes.fromhex("000800170000ff010000")
)
RECORD = (
    b"\x16\xfe\xff"
    + bytes(8)
    + (12 + len(HELLO)).to_bytes(2, "big")
    + b"\x01"
    + len(HELLO).to_bytes(3, "big")
    + b"\0\0"
)
DATAGRAM = RECORD + bytes(3) + len(HELLO).to_bytes(3, "big") + HELLO
VOICE = bytes.fromhex("906f0001000003c000001234bede0002 22000000 31000000".replace(" ", ""))


def test_elements_of_an_extension_are_read_in_their_order():
    assert facts.elements(VOICE) == "2 3"
    assert facts.elements(b"\x80" + VOICE[1:]) == "none"


def test_a_hello_and_a_stream_give_their_facts(tmp_path):
    frames = []
    for number in range(120):
        voice = VOICE[:4] + (960 * number).to_bytes(4, "big") + VOICE[8:]
        for data in (DATAGRAM, voice) if number == 0 else (voice,):
            packet = udp(CALLER.packed()[0], CALLEE.packed()[0], data)
            frames.append(pcap.Frame(number, 0, packet, len(packet)))
    file = tmp_path / "call.pcap"
    pcap.write(file, pcap.RAW, frames)
    end = {"ipv4": CALLER.ipv4, "ipv6": CALLER.ipv6, "role": "caller"}
    assert dict(facts.facts_of(file, end, "voice")) == {
        "hello.from": "caller",
        "hello.sizes": str(len(DATAGRAM)),
        "hello.suites": "c02bc02f",
        "hello.extensions": "0017 ff01",
        "rtp.111.step": "960",
        "rtp.111.elements": "2 3",
        "rtp.111.bytes": float(len(VOICE)),
    }


@pytest.mark.parametrize(("value", "moves"), [("154", True), ("153", False)])
def test_a_size_that_moves_is_told(value, moves):
    before: facts.Facts = {"telegram": {"hello.sizes": "153", "check.every_s": 2.5}}
    now: facts.Facts = {"telegram": {"hello.sizes": value, "check.every_s": 2.6}}
    told = list(facts.moved(before, now))
    assert told == (["telegram: hello.sizes was 153, is 154"] if moves else [])


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "STORED", tmp_path / "facts.toml")
    found: facts.Facts = {"wrtc": {"hello.sizes": "153", "check.every_s": 2.52}}
    facts.write({"wrtc": "0.10.0"}, found)
    assert facts.stored() == ({"wrtc": "0.10.0"}, found)


def test_the_stored_facts_name_each_engine_that_was_recorded():
    found = tomllib.loads(facts.STORED.read_text())
    assert found.keys() == {"telegram", "chromium", "firefox", "aiortc", "wrtc", "baresip"}
    assert found["telegram"]["check.priority_ends"] == "00"
