"""Fixtures of the browser's tests: the page in Chromium, and a real browser in the lab's namespaces."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from talkpath.browser.web.page_server import PageServerSettings, start_page_server
from talkpath.lab.drivers import namespace

SCRIPTS = Path(__file__).parents[2] / "scripts"


MISSING = {
    "chromium": "needs Chromium: apt-get install chromium",
    "firefox-esr": "needs firefox-esr: apt install firefox-esr",
}


@pytest.fixture(scope="session")
def in_browser() -> Callable[[str, str], dict[str, Any]]:
    """`in_browser(name, program)` plays a case of scripts/browser_cases.py in that browser and gives its row."""
    if reason := namespace.why_unavailable():
        pytest.skip(reason)
    for package in ("playwright", "aiortc", "aioquic"):
        if find_spec(package) is None:
            pytest.skip(f"needs {package}: make dev")

    def play(name: str, program: str) -> dict[str, Any]:
        if shutil.which(program) is None:
            pytest.skip(MISSING[program])
        script = [str(SCRIPTS / "browser_cases.py"), *["--firefox"] * (program == "firefox-esr")]
        done = subprocess.run(
            namespace.namespace_command([sys.executable, *script, name]),
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH")))),
            },
            capture_output=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    return play


@pytest.fixture(scope="module")
def page_ports() -> list[int]:
    """A TCP and a UDP port that nobody has now."""
    ports = []
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    return ports


@pytest.fixture(scope="module")
def origin(page_ports: list[int]) -> Iterator[str]:
    """Where /check is served, on loopback."""
    web = start_page_server(PageServerSettings(*page_ports, "127.0.0.1", taken=(3478, 443)))
    yield f"http://127.0.0.1:{page_ports[0]}"
    web.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    if shutil.which("chromium") is None:
        pytest.skip(MISSING["chromium"])
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield made
        made.close()
