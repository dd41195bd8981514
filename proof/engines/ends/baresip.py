"""One end of a SIP call in baresip, plain RTP, with no server between the ends.

python -m proof.engines.ends.baresip FOLDER caller|callee
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from proof.engines.ends.driver import SETUP_S, connected, last
from proof.engines.mailbox import Mailbox
from proof.engines.path import CALLEE, CALLER

CONFIG = """sip_listen {host}:5060
net_interface {interface}
audio_source ausine,440
audio_player aubridge,nobody
ausrc_srate 48000
auplay_srate 48000
module_path /usr/lib/baresip/modules
module stdio.so
module {codec}.so
module ausine.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
"""
ESTABLISHED = re.compile("call established|Call established")
START_S = 2.0
DIRECT = (CALLER.ipv4, CALLEE.ipv4)


class Phone:
    """baresip with a configuration of its own, commanded by its keyboard. A `Peer` as far as `last` needs one."""

    def __init__(self, mail: Mailbox, addresses: tuple[str, str] = DIRECT, interface: str = "eth0") -> None:
        own, other = addresses if mail.role == "caller" else addresses[::-1]
        home = mail.folder / f"baresip-{mail.role}"
        home.mkdir()
        codec = mail.call["codec"] or "opus"
        (home / "config").write_text(
            CONFIG.format(host=own, interface=interface, codec=codec) + "module srtp.so\n" * mail.call["srtp"]
        )
        answers = "auto" if mail.call["answered"] else "manual"
        sealed = ";mediaenc=srtp-mand" * mail.call["srtp"]
        (home / "accounts").write_text(f"<sip:{mail.role}@{own}>;regint=0;answermode={answers}{sealed}\n")
        self._other = f"sip:{'callee' if mail.role == 'caller' else 'caller'}@{other}"
        self._said: list[str] = []
        self._process = subprocess.Popen(
            ["baresip", "-f", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None  # asked for above
        for line in self._process.stdout:
            self._said.append(line)
            print(line, end="")  # noqa: T201

    def _type(self, command: str) -> None:
        assert self._process.stdin is not None  # asked for above
        self._process.stdin.write(command)
        self._process.stdin.flush()

    def dial(self) -> None:
        """Call the other end."""
        self._type(f"/dial {self._other}\n")

    def state(self) -> str:
        """As `Peer.state`."""
        return "connected" if any(ESTABLISHED.search(line) for line in self._said) else "new"

    def mute(self) -> None:
        """As `Peer.mute`."""
        self._type("m")

    def close(self) -> None:
        """As `Peer.close`."""
        self._type("b")
        time.sleep(1.0)
        self._type("/quit\n")
        time.sleep(0.5)
        self._process.kill()


def main() -> None:
    """Play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    mail = Mailbox(folder, "caller" if role == "caller" else "callee")
    telephone(mail, Phone(mail))


def telephone(mail: Mailbox, phone: Any) -> None:
    """Dial, or be dialled, and keep the call as the case says."""
    time.sleep(START_S)
    mail.log("open")
    mail.send("ready")
    mail.wait("ready", SETUP_S)
    if mail.role == "caller":
        phone.dial()
    if (
        up_s := connected(phone, mail, mail.call["setup_s"] if mail.call["answered"] else mail.call["rings_s"])
    ) is not None:
        last(phone, mail, up_s)
    phone.close()
    mail.log("closed")
    mail.send("bye")


if __name__ == "__main__":
    main()
