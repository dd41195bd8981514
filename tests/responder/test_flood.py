"""A responder's memory has a limit, and a check is served, whatever many others ask for at the same time.

A real responder process; the others come from addresses of 127.0.0.0/8, which Linux has all of.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from test_hostile_clients import ARM

from factories.networks.local_responder import FarEnd
from talkpath.conduct.check import Check
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.experiment.seeds import seed_commitment
from talkpath.measure.facts import Facts
from talkpath.probe.driver import ProbeDriver
from talkpath.probe.invite_link import parse_invite_link
from talkpath.wire.control import messages, tls
from talkpath.wire.control.messages import AnyMessage, Begin, Decoder, Hello, Open, Ready, Refusal, Welcome

MOST_RSS_MB = 200
FRAME = (1 << 20).to_bytes(4, "big")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and uses all of 127.0.0.0/8")


def memory_mb(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


class Attacker:
    """One control connection from an address of its own."""

    def __init__(self, far: FarEnd, address: str) -> None:
        self.end = socket.socket()
        self.end.settimeout(5)
        self.channel = tls.Channel(tls.client_context(), server=False)
        self.decoder = Decoder()
        try:
            self.end.bind((address, 0))
            self.end.connect(("127.0.0.1", far.control))
            while not self.channel.ready:
                self.send(b"")
                if not (data := self.end.recv(65536)):
                    raise ConnectionResetError
                self.channel.feed(data)
        except OSError:
            self.end.close()
            raise

    def send(self, plain: bytes) -> None:
        self.channel.write(plain)
        self.end.sendall(self.channel.out())

    def say(self, message: AnyMessage) -> AnyMessage | None:
        self.send(messages.encode_message(message))
        while not (answers := self.decoder.feed(self.channel.feed(data := self.end.recv(65536)))):
            if not data:
                return None
        return answers[0]

    def open(self) -> bool:
        hello = Hello((messages.PROTOCOL_VERSION,), "", seed_commitment(bytes(32)), {str(ARM): shape_digest(ARM)})
        return isinstance(self.say(hello), Welcome) and isinstance(self.say(Open(bytes(32))), Ready)

    def begin(self, number: int) -> AnyMessage | None:
        return self.say(Begin(number, str(ARM), 6, 2600, 0, 60))


def sessions_in_a_row(far: FarEnd, block: int, times: int) -> None:
    """Each begins one epoch of long calls and hangs up."""
    for number in range(times):
        try:
            attacker = Attacker(far, f"127.1.{block}.{1 + number % 200}")
            with attacker.end:
                if attacker.open():
                    attacker.begin(0)
        except OSError:
            pass


def sessions_at_once(far: FarEnd, block: int, seconds: float) -> None:
    """Four of one address block, each with as many epochs as it gets."""
    end_s, open_now = time.monotonic() + seconds, []
    while time.monotonic() < end_s:
        try:
            attacker = Attacker(far, f"127.2.{block}.1")
            open_now.append(attacker)
            number = 0
            while attacker.open() if not number else isinstance(attacker.begin(number), Ready):
                number += 1
        except OSError:
            time.sleep(0.1)
    for attacker in open_now:
        attacker.end.close()


def half_frames(far: FarEnd, count: int, seconds: float) -> None:
    """Connections that say that a megabyte follows, and send most of it."""
    ends = []
    for number in range(count):
        try:
            attacker = Attacker(far, f"127.3.{number % 16}.1")
            attacker.end.settimeout(0.5)
            ends.append(attacker.end)
            attacker.send(FRAME + bytes(700_000))
        except OSError:
            continue
    time.sleep(max(0.0, seconds))
    for end in ends:
        end.close()


def checked(far: FarEnd) -> Facts:
    check = Check(make_plan(choose_arms(["webrtc"]), k=4, budget_bytes=600_000, budget_s=20.0), bytes(range(32)))
    ProbeDriver(check, parse_invite_link(far.link)).run()
    return check.facts()


@pytest.mark.long
def test_memory_has_a_limit_and_a_check_is_served_meanwhile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FarEnd(tmp_path, more=["--open"]) as far:
        checked(far)
        before_mb = memory_mb(far.process.pid, "VmRSS")
        attacks = [threading.Thread(target=sessions_in_a_row, args=(far, block, 12)) for block in range(2)]
        attacks += [threading.Thread(target=sessions_at_once, args=(far, block, 8.0)) for block in range(4)]
        attacks.append(threading.Thread(target=half_frames, args=(far, 390, 5.0)))
        for attack in attacks:
            attack.start()
        time.sleep(3.0)
        facts = checked(far)
        for attack in attacks:
            attack.join(60)
        most_mb = memory_mb(far.process.pid, "VmHWM")
        assert far.process.poll() is None
    with capsys.disabled():
        sys.stdout.write(f"\nresponder: {before_mb:.0f} MB after a check, at most {most_mb:.0f} MB under attack\n")
    assert most_mb <= MOST_RSS_MB
    assert any(not epoch.missing for epoch in facts.epochs)


def test_long_calls_wait_for_room_and_are_refused_without_it(tmp_path: Path) -> None:
    """One address block gets no more than its part, however many sessions it opens."""
    with FarEnd(tmp_path, more=["--open"]) as far:
        attackers = [Attacker(far, "127.4.1.1") for _ in range(4)]
        assert all(attacker.open() for attacker in attackers)
        answers = [attacker.begin(0) for attacker in attackers]
        assert isinstance(answers[0], Ready)
        assert isinstance(answers[-1], Refusal)
        other = Attacker(far, "127.4.2.1")
        assert other.open()
        assert isinstance(other.say(Begin(0, str(ARM), 8, 25, 0, 60)), Ready)
        for attacker in [*attackers, other]:
            attacker.end.close()
