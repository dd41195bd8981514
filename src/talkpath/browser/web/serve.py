"""The web server of `respond --web`: nothing but /check, in a process of its own beside the responder.

    start(settings) -> Web        # from `talkpath respond`
    python -m talkpath.browser.web.serve < settings as one line of JSON

It says one line of JSON when it is ready, {"ready": true, "without": [sentence]}, or {"error": sentence} and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from talkpath.browser import require
from talkpath.browser.addresses import own_addresses
from talkpath.browser.certificate.renewal import CHECK_S, follow, obtained
from talkpath.browser.certificate.store import Domain
from talkpath.browser.witness import Witness
from talkpath.errors import TalkpathError, UsageError
from talkpath.responder.geoip import GeoDatabase
from talkpath.wire.control.sign import Signer

if TYPE_CHECKING:
    import uvicorn

    from talkpath.browser import turn

ANY = "0.0.0.0"
PATIENCE_S = 3.0
SILENT_S = 40.0  # the page itself gives up sooner, and can say so (connection.js)
IDLE_S = 30  # a page on a bad line asks for its next file seconds later
LONGEST_MESSAGE_BYTES = 1 << 20
WAITING = 128  # connections that nobody has taken yet


@dataclass(frozen=True, slots=True)
class Web:
    """A started web server. `without`: a sentence on each thing that it has to do without."""

    process: subprocess.Popen[str]
    without: tuple[str, ...] = ()

    def stop(self) -> None:
        """End it, and the far end with it."""
        assert self.process.stdin is not None  # pipes were asked for
        assert self.process.stdout is not None
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_S)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Settings(Struct, frozen=True):
    """Where to serve. `taken` are ports that the relay leaves alone; `certificate` the files of a chain that browsers
    trust and of its key: then it is https. So it is with `domain`, whose certificate is asked for. Each `check_s` the
    files are looked at for a change. `key_file` signs receipts, `network_class` and `geo` are what they say."""

    port: int
    udp: int
    host: str = ANY
    taken: tuple[int, ...] = ()
    certificate: tuple[str, str] | None = None
    domain: Domain | None = None
    check_s: float = CHECK_S
    key_file: str = ""
    network_class: str = "unknown"
    geo: tuple[str, ...] = ()

    def witness(self) -> Witness:
        """Who signs; a key of this process alone where no file is named."""
        signer = Signer.of_pem(Path(self.key_file).read_bytes()) if self.key_file else Signer.fresh()
        return Witness(signer, self.network_class, GeoDatabase([Path(file) for file in self.geo]).find)


def start(settings: Settings) -> Web:
    """Start it. `UsageError` where a package is missing or a port is taken."""
    require()
    command = [sys.executable, "-m", "talkpath.browser.web.serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None  # pipes were asked for
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
    process.stdin.flush()
    told = json.loads(process.stdout.readline() or "{}")
    if not told.get("ready"):
        Web(process).stop()
        raise UsageError(told.get("error", "The web server did not start; look above for why."))
    return Web(process, tuple(told["without"]))


def say(message: dict[str, object]) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def listen(host: str, port: int) -> socket.socket:
    """The page's socket. `UsageError` where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except PermissionError:
        raise UsageError(f"TCP port {port} takes a right that this user has not; give another with --web.") from None
    except OSError:
        raise UsageError(f"TCP port {port} is taken; give another with --web.") from None


async def _follow(
    settings: Settings, certificate: tuple[str, str] | None, config: uvicorn.Config, relay: turn.Relay
) -> None:
    """Take the page's certificate anew whenever it changes."""
    if certificate is None:
        return

    def taken() -> None:
        assert config.ssl is not None  # it had a certificate to begin with
        config.ssl.load_cert_chain(*certificate)
        relay.reload()

    await follow(certificate, settings.domain, taken, settings.check_s)


async def serve(settings: Settings) -> None:
    """Serve until standard input ends."""
    import uvicorn
    from starlette.applications import Starlette

    from talkpath.browser import turn
    from talkpath.browser.far_end import process as far
    from talkpath.browser.web import app as web

    witness = settings.witness()
    listening = listen(settings.host, settings.port)
    certificate, without = settings.certificate, []
    if settings.domain is not None:
        certificate, trouble = await asyncio.to_thread(obtained, settings.domain)
        without = [trouble] if trouble else []
    chain, key = certificate or (None, None)
    end = await far.start(settings.host, settings.udp)
    relay = turn.start(own_addresses(settings.host), secrets.token_hex(16), certificate, settings.taken)
    app = Starlette(routes=web.routes(lambda: end, witness, relay=lambda: relay))
    config = uvicorn.Config(
        app,
        settings.host,
        settings.port,
        log_level="error",
        access_log=False,
        ssl_certfile=chain,
        ssl_keyfile=key,
        ws_max_size=LONGEST_MESSAGE_BYTES,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        ws_ping_timeout=SILENT_S,
    )
    server = uvicorn.Server(config)
    following = asyncio.create_task(_follow(settings, certificate, config, relay))
    try:
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.02)
        if server.started:
            say({"ready": True, "without": [*without, *relay.without()]})
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.should_exit = True
        await serving
    finally:
        following.cancel()
        relay.stop()
        await end.stop()


def main() -> None:
    """What `start` starts."""
    settings = msgspec.json.decode(sys.stdin.readline(), type=Settings)
    try:
        asyncio.run(serve(settings))
    except TalkpathError as error:
        say({"error": str(error)})
    except OSError:  # of ssl, too
        say({"error": "The files of --web-cert and --web-key cannot be read, or are not a certificate and its key."})
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
