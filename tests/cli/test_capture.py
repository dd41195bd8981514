"""`talkpath capture` and `talkpath scrub` as a user runs them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from talkpath.cli import cli
from talkpath.errors import FileError, TalkpathError, UsageError

A, B = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7))


def recording(seconds: int = 6) -> bytes:
    """A plain RTP call, 50 packets a second each way, PT 0."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number in range(50 * seconds):
        for near, far, ports, ssrc in ((A, B, (4000, 6000), 11), (B, A, (6000, 4000), 22)):
            data = struct.pack("!BBHII", 0x80, 0, number, 160 * number, ssrc << 20) + bytes(160)
            packet = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0) + near + far
            packet += struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
            second, rest = divmod(number * 20_000, 1_000_000)
            out.append(struct.pack("<IIII", second, rest, len(packet), len(packet)) + packet)
    return b"".join(out)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.pcap"
    path.write_bytes(recording())
    return path


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["capture", *map(str, arguments)], input=stdin)


def test_json(call: Path):
    made = json.loads(run(call, "--json").output)
    assert (made["schema"], made["file"], made["packets"]) == ("talkpath.capture/1", "-", 600)
    (found,) = made["calls"]
    assert (found["app"], found["media"], found["encrypted"]) == ("rtp", ["voice"], False)
    assert "10.0.0.5" not in run(call, "--json").output
    addressed = json.loads(run(call, "--json", "--addresses").output)
    assert addressed["calls"][0]["endpoints"] == "10.0.0.5:4000-198.51.100.7:6000/udp"


def test_terminal_and_addresses(call: Path):
    told = run(call).output
    assert "1 " in told
    assert "198.51.100.7" not in told
    assert "198.51.100.7" in run(call, "--addresses").output


def test_standard_input_folders_and_many_files(call: Path, tmp_path: Path):
    assert json.loads(run("-", "--json", stdin=call.read_bytes()).output)["file"] == "-"
    (tmp_path / "other.pcap").write_bytes(recording(2))
    lines = run(tmp_path, "--json").output.splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["1", "2"]


@pytest.mark.parametrize("form", [("--json",), ("--json", "--addresses"), (), ("--addresses",)])
def test_cores_change_nothing(form: tuple[str, ...], call: Path, tmp_path: Path):
    """Neither of one file nor of several, of which one cannot be read."""
    one, several = [call], [tmp_path / name for name in ("call.pcap", "no.pcap", "other.pcap")]
    several[1].write_bytes(b"no capture at all")
    several[2].write_bytes(recording(20))
    for files in (one, several):
        alone, together = (run(*files, *form, "--jobs", jobs) for jobs in (1, 3))
        assert together.stdout == alone.stdout
        assert together.stderr == alone.stderr
        assert together.exit_code == alone.exit_code == (0 if files is one else 2)
    assert ("198.51.100.7" in alone.stdout) == ("--addresses" in form)


def test_peer_html_and_scrub(call: Path, tmp_path: Path):
    (theirs := tmp_path / "theirs.pcap").write_bytes(call.read_bytes())
    made = json.loads(run(call, "--json", "--peer", theirs).output)
    assert "peer" in made
    page = tmp_path / "call.html"
    assert run(call, "--html", page).exit_code == 0
    assert "<svg" in page.read_text()
    safe = tmp_path / "safe.pcapng"
    result = CliRunner().invoke(cli, ["scrub", str(call), "-o", str(safe)])
    assert result.exit_code == 0
    before, after = (json.loads(run(path, "--json").output)["calls"] for path in (call, safe))
    assert [one["streams"] for one in after] == [one["streams"] for one in before]
    assert A not in safe.read_bytes()


def test_a_recording_is_no_peer_of_itself_and_an_empty_file_is_told_as_that(call: Path, tmp_path: Path):
    (nothing := tmp_path / "nothing.pcap").write_bytes(b"")
    (link := tmp_path / "link.pcap").symlink_to(call)
    for peer in (call, link):
        with pytest.raises(UsageError, match=r"--peer is the same file; name the one of the other end\."):
            CliRunner().invoke(cli, ["capture", str(call), "--peer", str(peer)], catch_exceptions=False)
    for arguments in ([nothing], [call, "--peer", nothing]):
        with pytest.raises(FileError, match=r"nothing\.pcap: the file is empty; record the call again"):
            CliRunner().invoke(cli, ["capture", *map(str, arguments)], catch_exceptions=False)


def test_a_file_without_packets_is_no_question_of_when_it_began(tmp_path: Path):
    (header := tmp_path / "header.pcap").write_bytes(recording()[:24])
    told = " ".join(run(header).output.split())
    assert "not one packet was seen. Try again on the network interface" in told
    assert "before it rings" not in told


def test_a_recording_of_another_call_is_told_as_that():
    lab = Path(__file__).parents[1] / "capture" / "lab"
    own, same, other = (lab / f"{name}.pcap.gz" for name in ("drop10-down-far", "drop10-down", "voice"))
    assert "it is of another call" in " ".join(run(own, "--peer", other).output.split())
    assert "another call" not in " ".join(run(own, "--peer", same).output.split())


def test_what_vanished_is_in_every_form_of_the_result(tmp_path: Path):
    """The screen, JSON, the page, and the bundle with its report: of one recording all say the same."""
    lab = Path(__file__).parents[1] / "capture" / "lab"
    bundle, page = tmp_path / "call.bundle", tmp_path / "call.html"
    peered = [lab / "drop30-up.pcap.gz", "--peer", lab / "drop30-up-far.pcap.gz"]
    made = json.loads(run(*peered, "--json", "--html", page, "-o", bundle).output)
    (call,), (pair,) = made["calls"], made["peer"]
    share = f"{call['verdict']['figures']['vanished_up_pct']:.1f}%"
    assert share == f"{pair['up']['loss_pct']:.1f}%"
    assert (call["outcome"], call["outcome_direction"], call["verdict"]["state"]) == ("poor", "sent", "insufficient")
    assert CliRunner().invoke(cli, ["report", str(bundle), "--html", str(tmp_path / "again.html")]).exit_code == 0
    told = (
        CliRunner().invoke(cli, ["report", str(bundle)]).output,
        run(*peered).output,
        page.read_text("utf-8"),
        (tmp_path / "again.html").read_text("utf-8"),
    )
    for text in (" ".join(one.split()) for one in told):
        assert f"{share} of what this end sent vanished on the way" in text
        assert f"vanished packets: {pair['up']['lost']} of" in text
        assert "nothing to compare" not in text


def test_parquet_has_a_row_for_each_media_packet(call: Path, tmp_path: Path):
    from pyarrow import parquet

    assert run(call, "--parquet", tmp_path / "packets.parquet").exit_code == 0
    rows = parquet.read_table(tmp_path / "packets.parquet").to_pylist()
    sent = [row for row in rows if row["direction"] == "sent"]
    assert [row["sequence"] for row in sent] == list(range(300))
    assert [row["timestamp"] for row in sent] == [160 * number for number in range(300)]
    assert {row["size_bytes"] for row in rows} == {172}
    assert sent[50]["time_s"] == pytest.approx(1.0)
    assert {(row["call"], row["app"], row["medium"], row["missing_before"], row["copy"]) for row in rows} == {
        (1, "rtp", "voice", 0, False)
    }
    silent = tmp_path / "silent.pcap"
    silent.write_bytes(recording(0))
    assert run(silent, "--parquet", tmp_path / "none.parquet").exit_code == 0
    none = parquet.read_table(tmp_path / "none.parquet")
    assert (none.num_rows, none.column_names) == (0, list(rows[0]))
    assert "does not exist" in str(run(call, "--parquet", tmp_path / "nowhere" / "x").exception)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [(["nowhere.pcap"], FileError), (["one", "two", "--html", "x"], UsageError), (["."], UsageError)],
)
def test_one_clear_sentence(
    arguments: list[str], kind: type[TalkpathError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert isinstance(result.exception, kind)
    assert str(result.exception).count("\n") == 0


def test_what_is_no_capture(tmp_path: Path):
    path = tmp_path / "text.pcap"
    path.write_text("hello")
    assert "no capture" in str(run(path).exception)
    same = CliRunner().invoke(cli, ["scrub", str(path), "-o", str(path)])
    assert isinstance(same.exception, UsageError)


def test_a_copy_that_cannot_be_made_leaves_what_was_there(tmp_path: Path):
    text, safe = tmp_path / "notes.pcap", tmp_path / "safe.pcapng"
    text.write_text("milk, eggs")
    safe.write_bytes(b"made before")
    result = CliRunner().invoke(cli, ["scrub", str(text), "-o", str(safe)], standalone_mode=False)
    assert result.exception is not None
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["notes.pcap", "safe.pcapng"]
    assert safe.read_bytes() == b"made before"
    for place in (text / "safe.pcapng", tmp_path / "nowhere" / "safe.pcapng"):
        result = CliRunner().invoke(cli, ["scrub", str(text), "-o", str(place)], standalone_mode=False)
        assert isinstance(result.exception, TalkpathError)


def test_a_copy_into_a_pipe(call: Path):
    """No file of that name is made, nor is the pipe replaced by one."""
    done = subprocess.run([sys.executable, "-m", "talkpath", "scrub", str(call), "-o", "/dev/stdout"],
                          capture_output=True, check=True)  # fmt: skip
    assert done.stdout.startswith(b"\x0a\x0d\x0d\x0a"), "pcapng"


def test_of_many_files_one_that_cannot_be_read_stops_none(call: Path, tmp_path: Path):
    bad = tmp_path / "notes.pcap"
    bad.write_text("milk, eggs")
    result = CliRunner().invoke(cli, ["capture", str(bad), str(call)], standalone_mode=False)
    assert (result.return_value, result.exit_code) == (2, 0), "main ends with what it returns"
    assert "notes.pcap" in result.stderr
    assert "call.pcap" in result.stdout


def test_whoever_reads_the_beginning_alone_is_no_failure(call: Path):
    """`talkpath capture … | head -0`: the pipe is closed before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "talkpath", "capture", str(call)], stdout=writer,
                          stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


NASTY = "a\x1b[31mb\nc\u202efdp.\u2066\udcff.pcap"
"""ESC, a newline, marks that turn text, a byte that is no text."""


def run_as_user(*arguments: str) -> str:
    """Everything that a command prints, on both outputs."""
    code = "from talkpath.cli import main; main()"
    made = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False)
    return (made.stdout + made.stderr).decode()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "command",
    [
        ["capture", "{}"],
        ["capture", "{}", "{}"],
        ["scrub", "{}", "-o", "{}.out"],
        ["scrub", "{}", "-o", "{}/out"],
        ["report", "{}"],
    ],
)
def test_names_of_files_cannot_steer_the_terminal(call: Path, command: list[str], there: bool):
    nasty = call.parent / NASTY
    if there:
        call.rename(nasty)
    printed = run_as_user(*(part.replace("{}", str(nasty)) for part in command))
    assert "Traceback" not in printed
    assert printed.strip()
    assert not set(printed) & set("\x1b\u202e\u2066\r")
    assert "b\nc" not in printed


def test_no_result_that_is_passed_on_holds_the_files_name(call: Path, tmp_path: Path):
    """People name files after people, and keep them in folders that are named after them."""
    folder = tmp_path / "maria-and-her-lawyer"
    folder.mkdir()
    named = call.rename(folder / "maria.pcap")
    printed = run_as_user("capture", "--json", str(named))
    run_as_user("capture", str(named), "--html", str(tmp_path / "page.html"))
    assert json.loads(printed)["file"] == "-"
    assert "maria" not in printed + (tmp_path / "page.html").read_text(encoding="utf-8")
