"""What a person meets: no server, the wrong one, one that dies, a device that sleeps. One clear sentence, the right
exit code, and what was measured is kept.

Real processes on 127.0.0.1. The rows of a table run at the same time, for some take ten seconds by their nature.
"""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from factories.machines.terminal import say_talkpath
from factories.networks.local_responder import (
    TALKPATH,
    FarEnd,
    Probe,
    Told,
    TooBusyError,
    free_ports,
    small_plan,
)
from talkpath.measure.facts import Health
from talkpath.verdict.validity import LATE_VOIDS_ALL_MS, late_ms
from talkpath.wire.control.keys import new_identity_pem
from talkpath.wire.control.messages import PROTOCOL_VERSION

KEY = "A" * 43
BATTERY = "WebRTC voice: "  # any question: which comes second depends on what the first one showed
FIRST, LATER = 1, 2  # times that it said so: then nothing is known yet; then, a little later, several epochs are
WATCH_S, IN_THE_AIR_S = 15.0, 7.0  # the second question takes long, and is told while the first is still measured
BEFORE_SLEEP_S, SLEEP_S = 1.0, 2.0  # after it said what it asks, until it is stopped; while it is stopped
AT_ONCE, TRIES = 6, 3
Row = Callable[[Path], Told]


def play(rows: dict[str, Row], folder: Path) -> Iterator[tuple[str, Told]]:
    """All rows, each in a folder of its own."""
    places = [folder / str(number) for number in range(len(rows))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(rows, pool.map(once_or_again, rows.values(), places), strict=True)


def once_or_again(row: Row, folder: Path) -> Told:
    for attempt in range(TRIES):
        place = folder / str(attempt)
        place.mkdir(parents=True)
        with suppress(TooBusyError):
            return row(place)
    pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")


# -- nothing is measured ---------------------------------------------------------------------------------------


def test_without_a_link_three_ways_on() -> None:
    done = say_talkpath("check", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    for way in ("respond --invite", "respond --doctor", "talkpath capture"):
        assert way in done.stderr


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("127.0.0.1:4433", "no key"),
        (f"127.0.0.1:4433#{KEY[:20]}", "no key"),
        (f"127.0.0.1:99999#{KEY}", "port"),
        (f"http://example.org/#{KEY}", "open it in a browser"),
        (f"talkpath://127.0.0.1/?until=soon#{KEY}", "not a date"),
    ],
)
def test_a_link_that_is_none(link: str, said: str) -> None:
    done = say_talkpath("check", link, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def nobody(folder: Path) -> Told:
    return Probe(folder, f"127.0.0.1:{free_ports(1)[0]}#{KEY}", *small_plan(folder)).end()


def nobody_with_gate(folder: Path) -> Told:
    return Probe(folder, f"127.0.0.1:{free_ports(1)[0]}#{KEY}", "--gate", *small_plan(folder)).end()


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of another kind: its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def each() -> None:
            while True:
                try:
                    end, _ = server.accept()
                except OSError:
                    return
                with end, suppress(OSError):
                    serve(end)

        thread = threading.Thread(target=each)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def a_web_server(folder: Path) -> Told:
    def serve(end: socket.socket) -> None:
        end.recv(1000)
        end.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(serve) as port:
        return Probe(folder, f"127.0.0.1:{port}#{KEY}", *small_plan(folder)).end()


def a_server_that_hangs(folder: Path) -> Told:
    with serving(lambda end: end.settimeout(20.0) or bool(end.recv(1 << 16) and end.recv(1))) as port:
        return Probe(folder, f"127.0.0.1:{port}#{KEY}", *small_plan(folder)).end()


def another_tls_server(folder: Path) -> Told:
    pem = folder / "other.pem"
    pem.write_bytes(new_identity_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def serve(end: socket.socket) -> None:
        context.wrap_socket(end, server_side=True).close()

    with serving(serve) as port:
        return Probe(folder, f"127.0.0.1:{port}#{KEY}", *small_plan(folder)).end()


def an_older_tls_server(folder: Path) -> Told:
    pem = folder / "other.pem"
    pem.write_bytes(new_identity_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with serving(lambda end: context.wrap_socket(end, server_side=True).close()) as port:
        return Probe(folder, f"127.0.0.1:{port}#{KEY}", *small_plan(folder)).end()


def another_key(folder: Path) -> Told:
    with FarEnd(folder) as far:
        return Probe(folder, f"127.0.0.1:{far.control}#{KEY}", *small_plan(folder)).end()


def an_ended_invitation(folder: Path) -> Told:
    return Probe(folder, f"talkpath://127.0.0.1:1/?until=2020-01-01T00:00Z#{KEY}", *small_plan(folder)).end()


def patched(patch: str) -> Row:
    def row(folder: Path) -> Told:
        with FarEnd(folder, patch) as far:
            return Probe(folder, far.link, *small_plan(folder)).end()

    return row


def limits(text: str) -> str:
    return f"import talkpath.responder.limits as s; s.USUAL_LIMITS = s.Limits({text})"


OTHER_VERSION = f"import talkpath.wire.control.messages as c; c.PROTOCOL_VERSION = {PROTOCOL_VERSION + 1}"
VERSIONS = f"version {PROTOCOL_VERSION + 1} of the control protocol, this talkpath version {PROTOCOL_VERSION}"
OTHERWISE = "import talkpath.responder.session as s; s.shape_digest = lambda arm: b'otherwise'"
SILENT = "import talkpath.responder.responder as s; s.Responder.receive = lambda *_: b''"

# Row, what the one sentence says, exit code, whether a verdict is printed (of one that never answered: unreachable).
BEFORE: list[tuple[str, Row, str, int, bool]] = [
    ("nobody", nobody, "nothing listens", 3, True),
    ("nobody, with --gate", nobody_with_gate, "nothing listens", 12, True),
    ("a web server", a_web_server, "speaks no TLS", 3, True),
    ("a server that hangs", a_server_that_hangs, "gets no answer", 3, True),
    ("another TLS server", another_tls_server, "key that is not the one in the link", 3, True),
    ("an older TLS server", an_older_tls_server, "key that is not the one in the link", 3, True),
    ("another key", another_key, "key that is not the one in the link", 3, True),
    ("an invitation that ended", an_ended_invitation, "has ended", 3, False),
    ("a later version", patched(OTHER_VERSION), VERSIONS, 3, False),
    ("other shapes", patched(OTHERWISE), "imitates these apps otherwise", 3, False),
    ("busy", patched(limits("sessions=0")), "as many sessions as it takes", 3, False),
    ("few bytes", patched(limits("session_bytes=1000")), "too few bytes", 3, False),
    ("silent", patched(SILENT), "Nothing had been measured yet", 3, True),
]


@pytest.mark.long
def test_where_nothing_can_be_measured(tmp_path: Path) -> None:
    rows = {name: row for name, row, *_ in BEFORE}
    for (name, told), (_, _, said, code, printed) in zip(play(rows, tmp_path), BEFORE, strict=True):
        assert said in told.sentence, name
        assert told.code == code, name
        assert bool(told.stdout) == printed, name
        if printed:
            assert told.facts is not None, name
            assert told.result["reach"]["control"] == told.facts.reach.control, name
        if name.startswith("nobody"):
            assert (told.verdict["state"], told.verdict["rule"]) == ("unreachable", None)
        elif printed:
            assert told.verdict["state"] == "insufficient", name
            assert told.facts is not None, name
            assert told.facts.epochs == (), name
        assert "127.0.0.1" not in told.stdout + told.stderr, name


# -- something happens in the middle -----------------------------------------------------------------------------


def wait(probe: Probe, when: int) -> None:
    """Until it began, or until something is measured and it goes on."""
    probe.said(BATTERY, when)
    time.sleep(IN_THE_AIR_S if when == LATER else 0.0)


def far_end_gets(number: signal.Signals, when: int) -> Row:
    def row(folder: Path) -> Told:
        with FarEnd(folder) as far:
            probe = Probe(folder, far.link, *small_plan(folder, watch_s=WATCH_S))
            wait(probe, when)
            far.process.send_signal(number)
            probe.now()
            return probe.end()

    return row


def far_end_sleeps(folder: Path) -> Told:
    with FarEnd(folder) as far:
        probe = Probe(folder, far.link, *small_plan(folder, watch_s=WATCH_S))
        probe.said(BATTERY, LATER)
        time.sleep(BEFORE_SLEEP_S)  # it sends now
        far.process.send_signal(signal.SIGSTOP)
        time.sleep(SLEEP_S)
        far.process.send_signal(signal.SIGCONT)
        return probe.end()


def probe_sleeps(folder: Path) -> Told:
    with FarEnd(folder) as far:
        probe = Probe(folder, far.link, *small_plan(folder, watch_s=WATCH_S))
        probe.said(BATTERY, LATER)
        time.sleep(BEFORE_SLEEP_S)  # it sends now
        probe.send(signal.SIGSTOP)
        time.sleep(SLEEP_S)
        probe.send(signal.SIGCONT)
        return probe.end()


def probe_gets(number: signal.Signals, when: int, times: int = 1) -> Row:
    def row(folder: Path) -> Told:
        with FarEnd(folder) as far:
            probe = Probe(folder, far.link, *small_plan(folder, watch_s=WATCH_S))
            wait(probe, when)
            for _ in range(times):
                probe.send(number)
                time.sleep(0.3)
            probe.now()
            return probe.end()

    return row


SOON_S = 12.0  # not by waiting for the question that is asked, which takes WATCH_S

# Row, what the one sentence says, exit code, why the check ended, seconds that it takes at most.
AMID: list[tuple[str, Row, str, int, str, float]] = [
    ("killed", far_end_gets(signal.SIGKILL, LATER), "A new connection is refused", 0, "responder_lost", SOON_S),
    ("killed at once", far_end_gets(signal.SIGKILL, FIRST), "Nothing had been", 3, "responder_lost", SOON_S),
    ("stopped", far_end_gets(signal.SIGSTOP, LATER), "A new connection opens", 0, "responder_lost", 30.0),
    ("ended", far_end_gets(signal.SIGTERM, LATER), "ended the check", 0, "responder_lost", SOON_S),
    ("far end sleeps", far_end_sleeps, "", 0, "", 60.0),
    ("probe sleeps", probe_sleeps, "", 0, "", 60.0),
    ("Ctrl-C", probe_gets(signal.SIGINT, LATER), "is judged", 0, "interrupted", SOON_S),
    ("Ctrl-C at once", probe_gets(signal.SIGINT, FIRST, times=2), "Nothing had been", 130, "interrupted", SOON_S),
    ("Ctrl-C twice", probe_gets(signal.SIGINT, LATER, times=2), "is judged", 0, "interrupted", SOON_S),
    ("SIGTERM", probe_gets(signal.SIGTERM, LATER), "is judged", 0, "interrupted", SOON_S),
]


SLEEPER = {"far end sleeps": "responder", "probe sleeps": "probe"}
"""Who was late, and not the other end."""


def min_late_ms(health: Health) -> float:
    """How late the end was that was less so."""
    return min(health.probe_late_ms_p99 or 0.0, health.responder_late_ms_p99 or 0.0)


@pytest.mark.long
def test_what_was_measured_before_it_went_wrong_is_kept_and_accuses_nobody(tmp_path: Path) -> None:
    rows = {name: row for name, row, *_ in AMID}
    for (name, told), (_, _, said, code, ended, most_s) in zip(play(rows, tmp_path), AMID, strict=True):
        assert told.code == code, (name, told.stderr)
        assert told.verdict["state"] in ("insufficient", "ok"), name
        assert told.facts is not None, name
        assert told.took_s < most_s, name
        measured = [epoch for epoch in told.facts.epochs if not epoch.missing]
        assert bool(measured) == (code == 0), name
        if ended:
            assert said in told.sentence, name
            assert told.facts.health.ended == ended, name
        if ended == "responder_lost":  # a busy machine that sent too late says so first, and rightly
            void = late_ms(told.facts) > LATE_VOIDS_ALL_MS
            assert told.verdict["reason"]["code"] == ("late" if void else "responder_lost"), name
        if name in SLEEPER:
            assert told.verdict["reason"]["code"] == "late", name
            both = min_late_ms(told.facts.health) > LATE_VOIDS_ALL_MS  # a busy machine: then neither is named
            at = None if both else SLEEPER[name]
            assert told.verdict["reason"]["values"].get("at") == at, (name, told.facts.health)
        assert "127.0.0.1" not in told.stdout + told.stderr, name


# -- it works ----------------------------------------------------------------------------------------------------


def test_a_clean_line_is_told_the_same_again(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        told = Probe(tmp_path, far.link, "--gate", *small_plan(tmp_path, budget_bytes=900_000)).end()
    assert told.code == {"ok": 0, "insufficient": 13}[told.verdict["state"]]  # a busy machine may be too late to tell
    assert told.result["bytes_sent"] + told.result["bytes_received"] <= 900_000
    again = subprocess.run(
        [*TALKPATH, "judge", str(tmp_path / "run.talkpath"), "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(again.stdout)["changes"] == []
    assert json.loads(again.stdout)["verdicts"] == told.result["verdicts"]


def test_evidence_that_cannot_be_written_stops_the_check_before_it_begins(tmp_path: Path) -> None:
    done = say_talkpath("check", f"127.0.0.1:1#{KEY}", "-o", str(tmp_path / "none" / "run.talkpath"))
    assert done.returncode == 2
    assert "folder for -o does not exist" in done.stderr


def test_a_plan_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    done = say_talkpath("check", f"127.0.0.1:1#{KEY}", "--plan", str(tmp_path / "plan.json"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
