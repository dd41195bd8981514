"""`talkpath respond`: invitations, ports that cannot be had, and what strangers get: nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from factories.machines.terminal import say_talkpath
from factories.networks.local_responder import TALKPATH, FarEnd, free_ports, run_talkpath, small_plan
from talkpath.probe.invite_link import parse_invite_link
from talkpath.responder.doctor import Finding, examine_ports, look_at_name, without_closed
from talkpath.responder.limits import Identity
from talkpath.wire.control import tls

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
NO_NAMESPACES = ["unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"', "sh"]


def respond(folder: Path, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, *TALKPATH, "respond", "--key-file", str(folder / "key.pem"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def ports() -> list[str]:
    control, udp = free_ports(2)
    return ["--host", "127.0.0.1", "--port", str(control), "--ports", str(udp), "--tcp-ports", "", "--tls-ports", ""]


# -- invitations -------------------------------------------------------------------------------------------------


def test_an_invitation_is_a_link_a_qr_code_and_its_end(tmp_path: Path) -> None:
    command = [*TALKPATH, "respond", "--invite", "localhost", "--for", "2", "--key-file", str(tmp_path / "key.pem")]
    running = subprocess.Popen([*command, *ports()], stdout=subprocess.PIPE, text=True, bufsize=1)
    assert running.stdout is not None
    shown = "".join(running.stdout.readline() for _ in range(30))
    running.send_signal(signal.SIGTERM)
    rest, _ = running.communicate(timeout=10)
    assert running.returncode == 0
    link = parse_invite_link(shown.split('"')[1])
    assert link.host == "localhost"
    assert link.until is not None
    assert timedelta(hours=1.9) < link.until - datetime.now(UTC) < timedelta(hours=2.1)
    assert f"good until {link.until:%Y-%m-%d %H:%M} UTC" in shown
    assert (shown + rest).count("█") > 200
    assert "The link as a QR code:" in shown + rest


def test_it_ends_when_the_invitation_does_and_keeps_its_key(tmp_path: Path) -> None:
    told = [json.loads(respond(tmp_path, *ports(), "--for", "0.0003", "--json").stdout) for _ in range(2)]
    assert told[0]["schema"] == "talkpath.respond/1"
    assert told[0]["key"] == told[1]["key"] == parse_invite_link(told[0]["link"]).key
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_without_the_qr_library_it_says_how_to_get_it(tmp_path: Path) -> None:
    arguments = ["talkpath", "respond", "--invite", "localhost", "--for", "0.0003", *ports()]
    arguments += ["--key-file", str(tmp_path / "key.pem")]
    code = f"import sys; sys.modules['segno'] = None; sys.argv = {arguments!r}\nfrom talkpath.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "segno is missing: install talkpath[qr]" in done.stdout


# -- what cannot be done -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ports", "http"], "no list of port numbers"),
        (["--ports", "0"], "from 1 to 65535"),
        (["--ports", "70000"], "from 1 to 65535"),
        (["--ports", ""], "at least one UDP port"),
        (["--port", "70000"], "65535"),
        (["--for", "-1"], "--for takes hours"),
        (["--for", "nan"], "--for takes hours"),
        (["--invite", "my.host.name:4433"], "without a port"),
        (["--invite", "http://my.host.name"], "without a port"),
        (["--class", "office"], "home"),
    ],
    ids=" ".join,
)
def test_arguments_that_make_no_sense(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = respond(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_port_in_use(tmp_path: Path, kind: socket.SocketKind) -> None:
    """Taken in IPv4 only: that IPv6's is free helps no probe."""
    other, taken = free_ports(2)
    with socket.socket(socket.AF_INET, kind) as end:
        end.bind(("0.0.0.0", taken))
        if kind == socket.SOCK_STREAM:
            end.listen()
        control, udp = (other, taken) if kind == socket.SOCK_DGRAM else (taken, other)
        done = respond(tmp_path, "--port", str(control), "--ports", str(udp))
    assert done.returncode == 2
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    last = done.stderr.splitlines()[-1]  # before it stands what a user without the right for ports below 1024 is told
    assert last.startswith(f"talkpath: {name} port {taken} is in use by another program")


@pytest.fixture
def nobody() -> list[str]:
    """What runs a command as somebody who may not open ports below 1024."""
    before = NOBODY if os.geteuid() == 0 else []
    if before and not shutil.which("setpriv"):
        pytest.skip("needs setpriv: apt install util-linux")
    if before and subprocess.run([*before, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("needs a Python that every user may run: install it outside of root's home")
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not limit.exists() or int(limit.read_text()) < 100:
        pytest.skip("needs a system that keeps ports below 1024: Linux with ip_unprivileged_port_start=1024")
    return before


def as_nobody(before: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        return respond(Path(name), "--host", "127.0.0.1", "--port", str(free_ports(1)[0]), *arguments, before=before)


def test_a_port_that_takes_a_right(nobody: list[str]) -> None:
    done = as_nobody(nobody, "--ports", "99", "--tcp-ports", "", "--tls-ports", "")
    assert done.returncode == 2
    assert done.stderr.startswith("talkpath: UDP port 99 needs a right that this user lacks")


def test_a_usual_port_that_takes_a_right_is_named_and_done_without(nobody: list[str]) -> None:
    done = as_nobody(nobody, "--ports", str(free_ports(1)[0]), "--for", "0.0003", "--json")
    assert done.returncode == 0, done.stderr
    (said,) = done.stderr.splitlines()
    assert said.startswith("talkpath: TCP port 443 needs a right that this user lacks")
    assert said.endswith("this responder does without it.")
    told = json.loads(done.stdout)
    assert (told["tcp_ports"], told["tls_ports"]) == ([], [])
    assert parse_invite_link(told["link"]).also == 0


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"])
def test_a_key_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    done = respond(tmp_path, *ports())
    assert done.returncode == 2
    assert "delete it and a new one is made" in done.stderr


def test_the_doctor_says_what_can_be_opened(tmp_path: Path) -> None:
    free, taken, control = free_ports(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", taken))
        arguments = ["--doctor", "--host", "127.0.0.1", "--port", str(control), "--ports", f"{free},{taken}"]
        text, found = respond(tmp_path, *arguments), respond(tmp_path, *arguments, "--json")
    assert text.returncode == found.returncode == 3  # a port that was asked for
    assert f"ok  UDP port {free}\n" in text.stdout
    assert f"NO  UDP port {taken} is in use" in text.stdout  # its number once
    assert f"ok  TCP port {control}\n" in text.stdout
    assert "run a check" in text.stdout
    assert [row["ok"] for row in json.loads(found.stdout)][:3] == [True, False, True]
    assert not (tmp_path / "key.pem").exists()


def test_a_usual_port_that_the_doctor_finds_closed_is_done_without() -> None:
    ours = free_ports(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", ours[0]))
        spared = examine_ports(Identity((ours[0], 53999)), ours[1], "127.0.0.1", {("udp", 53999): ours[1]}, ["ports"])
        alone = examine_ports(Identity((ours[0],)), ours[1], "127.0.0.1", {}, ["ports"])
    assert [(each.ok, each.needed) for each in spared[:3]] == [(False, False), (True, False), (True, True)]
    assert spared[1].what == f"UDP port {ours[1]}", "the port that is opened here, not the announced one"
    assert alone[0].needed, "no other UDP port is left"


def test_a_name_without_an_address_is_told_before_the_link_is_handed_out(tmp_path: Path) -> None:
    named = [*ports(), "--invite", "no-such-name.invalid"]
    assert "leads to no address" in run_talkpath("respond", "--doctor", *named).stdout
    shown = respond(tmp_path, *named, "--for", "0.0003").stdout
    assert shown.startswith("no-such-name.invalid: It leads to no address")
    assert "Not ready" in shown
    assert "Ready" not in shown.replace("Not ready", "")
    assert "leads to no address" in respond(tmp_path, *named, "--for", "0.0003", "--json").stderr


def test_an_address_of_this_network_alone_is_told_as_such() -> None:
    assert look_at_name("192.168.1.9") == Finding(
        "name 192.168.1.9", True, "It leads to an address of this network alone: nobody outside reaches that."
    )
    assert not look_at_name("9.9.9.9").sentence


def test_the_documented_unit_leaves_turn_its_ports(tmp_path: Path, documented_unit: list[str]) -> None:
    """The doctor of exactly the options that the page has for systemd, on an address of loopback."""
    if shutil.which("turnserver") is None:
        pytest.skip("needs coturn: apt-get install coturn")
    options = ["127.0.0.77" if word == "my.host.name" else word for word in documented_unit]
    arguments = ["--doctor", "--json", "--host", "127.0.0.77", *options]
    found = {finding["what"]: finding for finding in json.loads(respond(tmp_path, *arguments).stdout)}
    turn = found["other paths, by TURN"]
    assert "the responder has it for itself" not in turn["sentence"], turn  # others may have a port, as any program
    assert len([what for what in found if what.startswith("UDP port") and "(" not in what]) >= 16


@pytest.fixture
def documented_unit() -> list[str]:
    pages = Path(__file__).parents[2]
    for place in ("docs/how-to/run-a-responder.md", "deploy/talkpath-respond.service"):
        (line,) = re.findall(r'Environment="TALKPATH_RESPOND=([^"]*)"', (pages / place).read_text("utf-8"))
        assert "--turn" in line
    return re.sub(r"responder\.example", "my.host.name", line).split()


def test_a_second_start_of_the_same_server_says_that_it_runs_already(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        arguments = ["--host", "127.0.0.1", "--port", str(far.control), "--ports", str(far.udp[0])]
        same_key = ["--key-file", str(tmp_path / f"key{far.control}.pem")]
        done = run_talkpath("respond", *arguments, *same_key)
        assert done.returncode == 2
        assert f"runs here already, on TCP port {far.control}" in done.stderr
        looked = run_talkpath("respond", "--doctor", *arguments, *same_key)
        assert "runs here now" in looked.stdout
        assert looked.returncode == 0, "its own ports are no fault"
        other = run_talkpath("respond", "--doctor", *arguments, "--key-file", str(tmp_path / "other.pem"))
        assert "runs here now" not in other.stdout


def test_ports_that_are_closed_for_one_reason_are_one_sentence() -> None:
    free, *taken = free_ports(6)
    with ExitStack() as stack:
        for port in taken:
            end = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            end.bind(("127.0.0.1", port))
        identity, said = without_closed(Identity((free, *taken), (), ()), ["ports"], {}, "127.0.0.1")
    assert identity.ports == (free,)
    (sentence,) = said
    assert sentence.startswith(f"UDP ports {', '.join(map(str, taken))} are in use by another program")


def test_the_lab_without_namespaces_says_what_to_use_instead() -> None:
    if (
        not shutil.which("unshare")
        or subprocess.run([*NO_NAMESPACES, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs user namespaces: allow them to this user (kernel.unprivileged_userns_clone)")
    command = [*NO_NAMESPACES, *TALKPATH, "lab", "run", "--driver", "netns", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "use --driver loopback or --driver sim" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- strangers ---------------------------------------------------------------------------------------------------


def test_strangers_get_no_answer_but_the_alert_of_a_tls_server(tmp_path: Path) -> None:
    draws = Random(1)
    binding_request = bytes.fromhex("000100002112a442") + draws.randbytes(12)
    with FarEnd(tmp_path) as far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        for port in far.udp:
            for data in (b"", b"\0", binding_request, draws.randbytes(100), draws.randbytes(1200)):
                udp.sendto(data, ("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            udp.recv(2048)
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\0\x14" + binding_request, b"\xff\xff" + draws.randbytes(3000)):
            with socket.create_connection(("127.0.0.1", far.tcp)) as tcp:
                tcp.settimeout(5)
                tcp.sendall(data)
                assert tcp.recv(2048)[:2] in (b"\x15\x03", b"")
        assert far.process.poll() is None


@pytest.mark.parametrize(("arguments", "refusals"), [((), 0), (("--open",), 1)], ids=["invited only", "open"])
def test_garbage_behind_tls_is_refused_by_open_servers_and_closed_by_others(
    tmp_path: Path, arguments: tuple[str, ...], refusals: int
) -> None:
    with FarEnd(tmp_path, more=arguments) as far:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", far.control), timeout=5) as plain:
                secured = tls.client_context().wrap_socket(plain)
                secured.sendall(b"\0\0\0\x04what")
                data = b""
                while piece := secured.recv(4096):
                    data += piece
                secured.close()
            assert data.count(b"Refusal") == refusals
            assert refusals or data == b""
        assert far.process.poll() is None


def test_hundreds_of_idle_connections_do_not_end_it(tmp_path: Path) -> None:
    """`select` takes no descriptor above 1023: further connections wait in the kernel's queue."""
    with FarEnd(tmp_path) as far:
        ends = [socket.create_connection(("127.0.0.1", far.control), timeout=5) for _ in range(450)]
        assert far.process.poll() is None
        for end in ends:
            end.close()
        with socket.create_connection(("127.0.0.1", far.control), timeout=5) as plain:
            tls.client_context().wrap_socket(plain).close()


def test_help_tells_the_ports() -> None:
    assert "--tls-ports" in say_talkpath("respond", "--help-all").stdout


def test_a_link_without_a_token_works_with_open_servers_alone(tmp_path: Path) -> None:
    plan = small_plan(tmp_path)
    with FarEnd(tmp_path) as far:
        done = run_talkpath("check", f"127.0.0.1:{far.control}#{far.key}", *plan)
        assert done.returncode == 3
        assert "has no token" in done.stderr
        assert "Traceback" not in done.stderr
        token = far.token[:-1] + ("A" if far.token[-1] != "A" else "Q")
        done = run_talkpath("check", f"127.0.0.1:{far.control}?token={token}#{far.key}", *plan)
        assert done.returncode == 3
        assert "invitation has ended" in done.stderr
    with FarEnd(tmp_path, more=["--open"]) as far:
        assert far.token is None
        done = run_talkpath("check", f"127.0.0.1:{far.control}#{far.key}", *plan)
        assert done.returncode == 0, done.stderr
