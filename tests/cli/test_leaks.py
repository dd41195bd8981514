"""No address and no name of a host leaves a command: in what it prints, logs, writes, or dies with.

Every command runs on recordings and on live lab runs with planted addresses and names; then all of it is searched.
What may show an address is left out on purpose: `capture --addresses`, and the links that `respond --invite` prints.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click
import pyarrow
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from factories.networks.local_responder import FarEnd, run_talkpath, small_plan
from factories.networks.planted_addresses import address_forms, name_forms, planted_found_in, written_files
from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from talkpath.cli import cli
from talkpath.evidence.bundle import read_bundle
from talkpath.lab.drivers import namespace
from talkpath.lab.path.link import HOSTS

NEAR, FAR, MAPPED, NEAR6, FAR6 = (
    "100.77.141.203", "185.199.177.86", "37.233.98.121", "2a02:6b8:7c::d3a1:88e7", "2606:4700:93::ace:71b5",
)  # fmt: skip
NAMES = "annas-laptop.qzxwhome.example", "turn17.vkplanted.example"
PLANTED = {one: address_forms(one) for one in (NEAR, FAR, MAPPED, NEAR6, FAR6)} | {n: name_forms(n) for n in NAMES}
SECONDS, RATE = 6, 50
INPUTS = ("call.pcap", "peer.pcap", "cut.pcap", "odd.pcap", "plan.json")


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def stun(number: int) -> bytes:
    """A Binding success with XOR-MAPPED-ADDRESS, a name in SOFTWARE and in ALTERNATE-DOMAIN (RFC 8489)."""
    mapped = int.from_bytes(packed(MAPPED), "big") ^ 0x2112A442
    body = struct.pack("!HHBBHI", 0x0020, 8, 0, 1, 40000 ^ 0x2112, mapped)
    for kind, name in ((0x8022, NAMES[0]), (0x8003, NAMES[1])):
        raw = name.encode()
        body += struct.pack("!HH", kind, len(raw)) + raw + bytes(-len(raw) % 4)
    return struct.pack("!HHI", 0x0101, len(body), 0x2112A442) + number.to_bytes(12, "big") + body


def question(name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\0\0\1\0\1"


def recording() -> bytes:
    """Calls of RTP over IPv4 and IPv6, with set-up, name look-ups, SIP and HTTP that tell addresses and names."""
    near, far, near6, far6 = map(packed, (NEAR, FAR, NEAR6, FAR6))
    sip = f"INVITE sip:anna@{NAMES[0]} SIP/2.0\r\nContact: <sip:anna@{NEAR}>\r\nCSeq: 1 INVITE\r\n\r\n"
    http = f"GET / HTTP/1.1\r\nHost: {NAMES[1]}\r\nX-Forwarded-For: {MAPPED}\r\n\r\n"
    packets = [
        Packet(1_000_000_000 + n, udp_packet(near, far, 50000 + n, 53, question(name))) for n, name in enumerate(NAMES)
    ]
    packets.append(Packet(1_000_000_100, udp_packet(near, far, 5060, 5060, sip.encode())))
    packets.append(Packet(1_000_000_200, tcp_segment(near, far, 50100, 80, 1, http.encode())))
    packets += [Packet(1_000_000_300 + n, udp_packet(far, near, 6000, 4000, stun(n))) for n in range(3)]
    for number in range(RATE * SECONDS):
        at_ns = 1_100_000_000 + number * 20_000_000
        for a, b, ssrc in ((near, far, 0x5EED0001), (near6, far6, 0x5EED0003)):
            for source, target, ports, mine in ((a, b, (4000, 6000), ssrc), (b, a, (6000, 4000), ssrc + 1)):
                data = struct.pack("!BBHII", 0x80, 0, number, 160 * number, mine) + bytes(160)
                packets.append(Packet(at_ns, udp_packet(source, target, *ports, data)))
    return pcap_file(packets, nano=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which everything happens."""
    for name in ("XDG_STATE_HOME", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(here: Path) -> Path:
    """With recordings in it."""
    data = recording()
    (here / "call.pcap").write_bytes(data)
    (here / "peer.pcap").write_bytes(data)
    (here / "cut.pcap").write_bytes(data[:-7])
    (here / "odd.pcap").write_bytes(data[:24] + NEAR.encode() + packed(NEAR6) + NAMES[0].encode() * 9)
    return here


def ran(commands: Sequence[Sequence[str]]) -> dict[str, bytes]:
    """What commands print, and the whole traceback of whatever ended them, even of what a user sees one sentence of."""
    said = {}
    for command in commands:
        done = CliRunner().invoke(cli, command, standalone_mode=False)
        said[f"{command}: output"] = done.output.encode()
        if done.exception is not None:
            said[f"{command}: traceback"] = "".join(traceback.format_exception(done.exception)).encode()
    return said


def crashed(command: Sequence[str], code: str) -> bytes:
    """What a real process prints when Python `code` before the command made it fail."""
    whole = f"{code}\nimport sys\nfrom talkpath.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-X", "dev", "-c", whole, *command], capture_output=True, check=False)
    assert b"Traceback" in done.stderr, done.stderr
    return done.stdout + done.stderr


def test_the_look_finds_what_is_there(folder: Path) -> None:
    """Or all tests here would prove nothing: the recording itself holds everything, in these forms."""
    there = {
        (plant, form)
        for _, plant, form in planted_found_in(PLANTED, {"call.pcap": (folder / "call.pcap").read_bytes()})
    }
    for plant, form in ((NEAR, "text"), (NEAR, "packed"), (FAR, "packed"), (MAPPED, "xor-mapped"), (NEAR6, "packed"),
                        (FAR6, "packed"), (NAMES[0], "labels"), (NAMES[1], "text")):  # fmt: skip
        assert (plant, form) in there
    assert planted_found_in(PLANTED, ran([["capture", "call.pcap", "--addresses"]]))
    table = pyarrow.table({"a": [NEAR, "x"]})
    pyarrow.parquet.write_table(table, folder / "a.parquet", compression="zstd")
    for where in ({"b64": b"-" + PLANTED[FAR6]["base64 of packed, 1"]}, {"gz": gzip.compress(NEAR.encode())},
                  {"parquet": (folder / "a.parquet").read_bytes()}):  # fmt: skip
        assert planted_found_in(PLANTED, where)


def test_commands_on_recordings(folder: Path) -> None:
    said = ran([
        ["capture", "call.pcap"],
        ["capture", "call.pcap", "--json"],
        ["capture", "call.pcap", "--html", "a.html", "--parquet", "a.parquet", "-o", "a.talkpath"],
        ["capture", "call.pcap", "--peer", "peer.pcap"],
        ["capture", "cut.pcap", "odd.pcap", "absent.pcap"],
        ["capture", "."],
        ["capture", "odd.pcap"],
        ["scrub", "call.pcap", "-o", "scrubbed.pcapng"],
        ["scrub", "odd.pcap", "-o", "odd.pcapng"],
        ["shape", "call.pcap", "-o", "call.shape", "--show"], ["shape", "call.pcap", "--json"],
        ["shape", "odd.pcap", "--show"],
        ["verify", "a.talkpath"], ["verify", "a.talkpath", "--json"], ["verify", "call.pcap"],
        ["judge", "a.talkpath"], ["judge", "a.talkpath", "--json"],
        ["report", "a.talkpath", "--html", "b.html"], ["report", "a.talkpath", "--json"],
        ["export", "--ooni", "a.talkpath", "-o", "a.jsonl"],
    ])  # fmt: skip
    calls = json.loads(said["['capture', 'call.pcap', '--json']: output"])["calls"]
    assert len(calls) == 2
    files = written_files(folder, INPUTS)
    assert {"a.html", "a.parquet", "a.talkpath", "b.html", "scrubbed.pcapng", "a.jsonl", "call.shape"} <= files.keys()
    assert planted_found_in(PLANTED, said | files) == []


def test_the_public_recordings(here: Path, captures: Path) -> None:
    """Real calls of real people: the ends of their calls are nowhere in what is told of them."""
    for number, entry in enumerate(json.loads((captures / "truth.json").read_text())):
        flows = [flow.rsplit("/", 1)[0] for call in entry.get("calls", []) for flow in call["flow"]]
        ends = {end.rsplit(":", 1)[0].strip("[]") for flow in flows for end in flow.split("-")}
        if not ends:
            continue
        folder = here / str(number)
        folder.mkdir()
        file, out = (
            str(captures / entry["file"]),
            [str(folder / name) for name in ("a.html", "a.parquet", "a.talkpath")],
        )
        said = ran(
            [["capture", file, "--html", out[0], "--parquet", out[1], "-o", out[2]], ["capture", file, "--json"]]
        )
        plants = {end: address_forms(end) for end in ends}
        assert planted_found_in(plants, said | written_files(folder)) == [], entry["file"]
        assert read_bundle((folder / "a.talkpath").read_bytes()).findings is not None


def test_tracebacks(folder: Path) -> None:
    """A bug in the middle of a recording: Python prints the lines of code and what was raised, with its causes."""
    bugs = [
        "from talkpath.capture.calls import records\nrecords.measure_calls = lambda scan: 1 / 0\n",
        "from talkpath.wire.ip import address\nwas = address.Address.reveal\n"
        "def reveal(self):\n    raise KeyError(self, [self], {self: f'{self}'})\naddress.Address.reveal = reveal\n",
        "import talkpath.report.recordings.capture_json as told\n"
        "def bad(*a, **k):\n    raise RuntimeError(a, k)\ntold.capture_result = bad\n",
    ]
    said = {}
    for number, bug in enumerate(bugs):
        more = ["--addresses"] if number == 1 else []
        said[str(number)] = crashed(["capture", "call.pcap", "--json", *more], bug)
    assert planted_found_in(PLANTED, said) == []


def test_links_that_lead_nowhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be looked up (no look-up leaves this test), links that are none, hosts that are none."""

    def no_such_name(host: str, *_: object) -> None:
        raise socket.gaierror(-2, f"Name or service not known: {host}")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    name, key = NAMES[0], "A" * 43
    ends = ["", ":99999", f"/?until={NAMES[1]}", "/?until=2020-01-01T00:00Z"]
    links = [f"talkpath://{name}{end}#{key}" for end in ends]
    links += [f"{name}:4433#short", f"http://{name}/#{key}", f"[{NEAR6}#{key}"]
    said = ran([["check", link, "-o", "a.talkpath"] for link in links] + [["respond", "--invite", f"{name}/x"]])
    # All of them fail but the first: a name that nobody knows is a result, and `respond` fails beside them.
    assert len([text for where, text in said.items() if "traceback" in where]) == len(links)
    assert planted_found_in(PLANTED, {"all": b"\n".join(said.values())} | written_files(here)) == []


def test_a_live_check_and_all_that_is_done_with_it(here: Path) -> None:
    """Real sockets. The probe's own address on the loopback is everybody's; the responder's is not."""
    host = "127.83.201.77"
    plants = {host: address_forms(host)}
    with FarEnd(here, more=["--host", host]) as far:
        link = far.link_for(host)
        plan = small_plan(here, budget_s=3.0)
        wrong = f"{host}:{far.control}#{'A' * 43}"
        said = ran([
            ["check", link, *plan, "-o", "a.talkpath"],
            ["check", wrong, *plan],
            ["check", f"{host}:1#{far.key}", *plan, "-o", "refused.talkpath"],
            ["verify", "a.talkpath"], ["judge", "a.talkpath"], ["report", "a.talkpath", "--html", "a.html"],
            ["export", "--ooni", "a.talkpath", "refused.talkpath", "-o", "a.jsonl"],
        ])  # fmt: skip
        crash = "from talkpath.probe import session\ndef bad(self, *a):\n    raise OSError(99, 'no', self)\n" \
                "session.ProbeSession.connected = bad\n"  # fmt: skip
        said["crash"] = crashed(["check", link, *plan], crash)
        far.process.terminate()
        assert far.process.stdout is not None
        said["respond"] = far.process.stdout.read().encode()
    assert b"OSError" in said["crash"]
    files = written_files(here, INPUTS)
    assert {"a.talkpath", "a.html", "a.jsonl", "refused.talkpath"} <= files.keys()
    assert planted_found_in(plants, {"all": b"\n".join(said.values())} | files) == []


def test_lab_runs_in_virtual_time(here: Path) -> None:
    plants = {text: address_forms(text) for host in HOSTS for text in (host.ipv4, host.ipv6)}
    said = ran([
        ["lab", "run", "--apps", "webrtc", "-k", "4", "--family", family, "--restrict", rule, "--json",
         "-o", f"{family}.talkpath"]
        for family, rule in (("4", "media.drop,app=webrtc,p=0.4"), ("6", "stun.drop,app=webrtc"))
    ])  # fmt: skip
    assert {"4.talkpath", "6.talkpath"} <= written_files(here).keys()
    assert planted_found_in(plants, said | written_files(here)) == []


@pytest.mark.long
@pytest.mark.skipif(
    bool(namespace.why_unavailable()), reason=f"needs network namespaces: {namespace.why_unavailable()}"
)
def test_lab_runs_on_real_sockets(here: Path) -> None:
    plants = {text: address_forms(text) for host in HOSTS for text in (host.ipv4, host.ipv6)}
    arguments = ["--driver", "netns", "--apps", "webrtc", "-k", "4", "--family", "6", "-o", "a.talkpath"]
    done = run_talkpath("lab", "run", *arguments)  # a process of its own, since it moves into the namespace
    said = {"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    assert read_bundle((here / "a.talkpath").read_bytes()).receipt is not None
    assert planted_found_in(plants, said | written_files(here)) == []


def test_every_command_is_looked_at() -> None:
    """A new command must be put into a test above, or here with the reason why it needs none."""
    looked = {"capture", "scrub", "shape", "verify", "judge", "report", "export", "check", "respond", "lab"}
    harmless = {
        "demo": "plays lab runs, as `lab run` does, and writes what `report` writes",
        "claims": "reads its own data and bundles",
        "share": "sends the bytes of a bundle, and writes the URL that it was given into a receipt",
        "withdraw": "sends what is in that receipt",
        "campaign": "writes the test server's link into a text that its organiser hands out, and nothing else",
        "letter": "writes what `report` and `verify` write of a bundle, and the address that it was given",
        "observe": "reads bundles, which hold none; what it keeps of callers is looked at in tests/observatory/intake",
        "locate": "runs a check and writes what `check` writes; of a router only the kind leaves the driver "
        "(tests/wire/ip/test_error_queue.py, tests/proof/test_netns_locating.py)",
        "watch": "runs checks, and writes what `check` writes; its own lines hold verdicts alone (test_watch.py)",
        "endpoints": "shows the hosts of its catalogue in its plan; what comes back is looked at in test_endpoints.py, "
        "tests/lab/whole_checks/test_endpoints.py and tests/probe/test_endpoint_engine.py; a bundle names hosts by the "
        "catalogue's ids and routers by numbers (measure/endpoint_facts.py has no place for an address)",
        "listen": "measures and writes as `capture` does, by its code; --keep scrubs as `scrub` does (test_listen.py)",
    }
    assert set(cli.list_commands(click.Context(cli))) <= looked | harmless.keys()
