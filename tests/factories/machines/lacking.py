"""Run as a program: talkpath with this system's names taken away that another system lacks.

    python lacking.py SYSTEM ARGUMENTS...       # SYSTEM: windows, old-console, macos, android, linux

"old-console" is Windows whose console takes no escape sequences: rich calls it instead, which shows
nothing here.
What it cannot show: the other kernels' sockets and consoles, their paths, and wheels that do not exist for them.
"""

from __future__ import annotations

import builtins
import importlib
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import IO, Any

SOCKETS = (
    "AF_PACKET",
    "AF_NETLINK",
    "IP_RECVERR",
    "IPV6_RECVERR",
    "MSG_ERRQUEUE",
    "SO_BINDTODEVICE",
    "SCM_TIMESTAMPNS",
)
LACKING: dict[str, dict[Any, tuple[str, ...]]] = {
    "windows": {
        os: (
            "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "fork", "forkpty", "geteuid", "getuid", "getgid", "fchmod",
            "nice", "setsid", "killpg", "getpgid", "openpty", "pipe2", "sched_setscheduler", "sched_getaffinity",
            "mkfifo", "register_at_fork", "chroot", "uname", "wait4", "setpriority", "getpriority",
        ),
        signal: (
            "setitimer", "getitimer", "ITIMER_PROF", "ITIMER_REAL", "SIGALRM", "SIGPROF", "SIGVTALRM", "SIGHUP",
            "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "pthread_sigmask", "sigwait", "siginterrupt",
        ),
        socket: (*SOCKETS, "AF_UNIX", "MSG_DONTWAIT", "MSG_NOSIGNAL", "CMSG_SPACE", "CMSG_LEN", "SO_REUSEPORT"),
    },
    "macos": {socket: SOCKETS, os: ("sched_setscheduler", "sched_getaffinity", "pipe2"), signal: ()},
    "android": {os: ("forkpty", "openpty"), signal: (), socket: ()},
    "linux": {},
}  # fmt: skip
NO_MODULE = {"windows": {"fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog"}}
NO_METHOD = {"windows": ("sendmsg", "recvmsg", "recvmsg_into")}
PLATFORMS = {"windows": "win32", "macos": "darwin", "android": "android", "linux": "linux"}
BEFORE = (
    "asyncio", "multiprocessing.pool", "concurrent.futures.process", "subprocess", "tempfile", "ctypes", "ssl",
    "select", "selectors", "click.testing", "click._compat", "click._termui_impl", "rich.console", "rich.progress",
    "rich.live", "rich.table", "numpy", "numpy.random", "cryptography.x509", "msgspec", "zipfile", "http.client",
    "urllib.request", "ctypes.util", "ifaddr",
)  # fmt: skip
"""Libraries that ask for the system's name once, when they are imported: they are this system's."""


def take_away(system: str) -> None:
    """Make this process lack what the system lacks."""
    for name in BEFORE:
        importlib.import_module(name)
    platform.uname()  # it is asked once
    for module, names in LACKING[system].items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    if not hasattr(os, "sched_getaffinity"):
        os.process_cpu_count = os.cpu_count  # as Python has it there
    _refuse_modules(NO_MODULE.get(system, set()))
    if methods := NO_METHOD.get(system):
        socket.socketpair = _loopback_pair
        socket.socket = _socket_without(methods)  # type: ignore[misc]
    sys.platform = PLATFORMS[system]


class _ConsoleCalls:
    """Stands for `rich._win32_console.LegacyWindowsTerm`: writes text, and moves no cursor and shows no colour."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write_text(self, text: str) -> None:
        self._file.write(text)

    def write_styled(self, text: str, style: object) -> None:
        self._file.write(text)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def take_escapes_away() -> None:
    """Let rich take this terminal for a console of Windows before 2016."""
    console = importlib.import_module("rich.console")
    calls = ModuleType("rich._win32_console")
    calls.LegacyWindowsTerm, calls.WindowsCoordinates = _ConsoleCalls, dict  # type: ignore[attr-defined]
    sys.modules[calls.__name__] = calls
    console.WINDOWS, console.detect_legacy_windows = True, lambda: True  # type: ignore[attr-defined]


def _loopback_pair() -> tuple[socket.socket, socket.socket]:
    """Python's own pair where there is no AF_UNIX: two ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


def _socket_without(methods: tuple[str, ...]) -> type[socket.socket]:
    def missing(self: socket.socket) -> None:
        raise AttributeError("this system's sockets have no such method")

    return type("socket", (socket.socket,), {name: property(missing) for name in methods})


def _refuse_modules(names: set[str]) -> None:
    real = builtins.__import__

    def importing(name: str, *more: Any, **options: Any) -> Any:
        importer = (more[0] if more else options.get("globals") or {}) or {}
        if name in names and str(importer.get("__name__", "")).startswith("talkpath"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *more, **options)

    builtins.__import__ = importing


if __name__ == "__main__":
    if sys.argv[1] == "old-console":
        take_escapes_away()
    take_away("windows" if sys.argv[1] == "old-console" else sys.argv[1])
    sys.argv[1:] = sys.argv[2:]
    from talkpath.cli import main

    main()
