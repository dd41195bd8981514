"""TLS 1.3 over bytes (no socket): it protects the control channel."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

from talkpath.wire.control.keys import certificate_key_text


def client_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate: the caller compares its key with the pinned one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_BROWSER_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA:"
    "ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA"
)
_NO_ENCRYPT_THEN_MAC = 1 << 19  # SSL_OP_NO_ENCRYPT_THEN_MAC, for which `ssl` has no name


def browser_like_context() -> ssl.SSLContext:
    """Return the same with the versions, cipher suites and application protocols of Chromium's ClientHello, and without
    the extension encrypt_then_mac, which no browser sends. Its order and reserved values OpenSSL cannot write."""
    context = client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_BROWSER_SUITES)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.options |= _NO_ENCRYPT_THEN_MAC
    return context


def server_context(pem: Path) -> ssl.SSLContext:
    """Return a context with the identity in a file of `wire.control.keys.new_identity_pem`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(pem)
    return context


class Channel:
    """One TLS connection. `ready` once the handshake is done, `closed` when the other end closed it or failed.

    `said_goodbye`: the other end closed it in order (close_notify), which nobody on the path can forge. `distrusted`:
    the context checks certificates and did not accept the other end's.
    """

    def __init__(self, context: ssl.SSLContext, *, server: bool, name: str | None = None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self._waiting = bytearray()
        self.ready = self.closed = self.said_goodbye = self.distrusted = False
        self._handshake()

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self.closed, self.distrusted = True, isinstance(error, ssl.SSLCertVerificationError)
            return
        self.ready = True
        self.write(b"")

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the socket (empty: it was closed); return the plain bytes they complete."""
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()
        if not self.ready and not self.closed:
            self._handshake()
        return self._read() if self.ready else b""

    def _read(self) -> bytes:
        plain = bytearray()
        while not self.closed:
            try:
                piece = self._tls.read(65536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError:
                self.closed = True
                break
            if not piece:
                self.closed = self.said_goodbye = True
            plain += piece
        return bytes(plain)

    def write(self, plain: bytes) -> None:
        """Queue plain bytes to send; they are kept until the handshake is done."""
        self._waiting += plain
        if self.ready and self._waiting and not self.closed:
            try:
                self._tls.write(bytes(self._waiting))
            except ssl.SSLError:
                self.closed = True
            self._waiting.clear()

    @property
    def binding(self) -> bytes:
        """Return the channel binding, which is unique to this connection and known to both ends: the client's Finished
        message (RFC 5929; in TLS 1.3 it covers the whole handshake, the server's key included)."""
        return self._tls.get_channel_binding("tls-unique") or b"" if self.ready else b""

    def close(self) -> None:
        """Close in order: data already written is still sent, then a close_notify."""
        if self.ready and not self.closed:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
        self.closed = True

    def out(self) -> bytes:
        """Return the bytes to write to the socket."""
        return self._out.read()

    @property
    def peer_key(self) -> str:
        """Return the public key in the peer's certificate, "" where it has none that a link could name."""
        return certificate_key_text(self._tls.getpeercert(binary_form=True)) if self.ready else ""
