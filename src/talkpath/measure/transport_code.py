"""Codes of the transports that a call is tried over: "udp/443", "tcp/443", "tls/443", "wss/443" (a WebSocket in TLS).

A call inside TLS is tried with OpenSSL's ClientHello; "tls.browser/443" is the same transport with one that is written
as a browser writes it (rule `tls.hello_drop`). Both ends of a check name the transport; only the probe names the hello.
A page's connections are opened by its browser itself, and their codes name no hello.
"""

from __future__ import annotations

from typing import Literal

TlsHello = Literal["", "openssl", "browser"]

_BROWSER = ".browser"


def is_inside_tls(code: str) -> bool:
    """Return whether the transport is inside TLS to the responder itself (not to a TURN server)."""
    return without_hello(code).partition("/")[0] in ("tls", "wss")


def without_hello(code: str) -> str:
    """Return the transport's code without the hello."""
    return code.replace(_BROWSER, "")


def with_browser_hello(code: str) -> str:
    """Return the code of the same transport with a ClientHello like a browser's."""
    kind, slash, port = without_hello(code).partition("/")
    return f"{kind}{_BROWSER}{slash}{port}"


def hello_of(code: str) -> TlsHello:
    """Return whose ClientHello opens its connections: "" where none does."""
    if not is_inside_tls(code):
        return ""
    return "openssl" if without_hello(code) == code else "browser"
