"""The web server of `respond --web`: nothing but /check, in a process of its own beside the responder.

    start(host, port, udp) -> Web        # from `talkpath respond`
    python -m talkpath.browser.serve HOST PORT UDP_PORT

It says one line of JSON when it is ready, {"ready": true}, or {"error": sentence} and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass

from talkpath.browser import require
from talkpath.errors import UsageError

ANY = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Web:
    """A started web server."""

    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it, and the far end with it."""
        assert self.process.stdin is not None  # a pipe was asked for
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(3.0)
        self.process.kill()


def start(host: str | None, port: int, udp: int) -> Web:
    """Start it. `UsageError` where a package is missing or a port is taken."""
    require()
    command = [sys.executable, "-m", "talkpath.browser.serve", host or ANY, str(port), str(udp)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # a pipe was asked for
    told = json.loads(process.stdout.readline() or "{}")
    if not told.get("ready"):
        process.kill()
        raise UsageError(told.get("error", "The web server did not start; look above for why."))
    return Web(process)


def say(message: dict[str, object]) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def serve(host: str, port: int, udp: int) -> None:
    """Serve until standard input ends."""
    import uvicorn
    from starlette.applications import Starlette

    from talkpath.browser import far, web

    end = await far.start(host, udp)
    config = uvicorn.Config(Starlette(routes=web.routes(lambda: end)), host, port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if server.started:
        say({"ready": True})
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await serving
    await end.stop()


def main() -> None:
    """The command line of `start`."""
    host, port, udp = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    try:
        asyncio.run(serve(host, port, udp))
    except UsageError as error:
        say({"error": str(error)})
    except SystemExit:  # uvicorn's way to say that it could not bind
        say({"error": f"TCP port {port} is taken; give another with --web."})
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
