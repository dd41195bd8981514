"""Orders a certificate from an ACME authority (RFC 8555, RFC 8738), with the challenge http-01 and the package `acme`.

Contract: `issue_certificate` blocks as long as the authority takes, at most PATIENCE_S after the challenge was
answered. What fails is a `PeerError` with the authority's own error type (RFC 8555 section 6.7) in it, and no address.

Answers the challenge http-01 (RFC 8555 section 8.3), by a web server that runs only while a challenge is open.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

from acme import errors, messages
from acme.challenges import HTTP01
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from josepy.errors import DeserializationError
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from talkpath.browser.addresses import ANY_ADDRESSES
from talkpath.errors import PeerError, UsageError

CHALLENGE_PATH = "/.well-known/acme-challenge/"
REQUEST_TIMEOUT_S = 10.0


@contextmanager
def serving_challenge(host: str, port: int, token: str, authorization: str) -> Iterator[None]:
    """Answer requests for `token` on that TCP port with `authorization`. `UsageError` if the port cannot be opened."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            is_asked = self.path == CHALLENGE_PATH + token
            body = authorization.encode() if is_asked else b""
            self.send_response(200 if is_asked else 404)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing, since a line would hold an address."""

    server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listening_socket(host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening_socket(host: str, port: int) -> socket.socket:
    """A listening socket, for IPv4 and IPv6 where `host` is any address."""
    is_dual = host in ANY_ADDRESSES and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual or ":" in host else socket.AF_INET
    try:
        return socket.create_server(("" if is_dual else host, port), family=family, dualstack_ipv6=is_dual)
    except PermissionError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, which this user may not open.") from None
    except OSError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, and another program has it.") from None


MAX_ACME_REQUEST_S = 30  # of one request
MAX_ACME_ORDER_S = 120.0
NONCE_TRIES = 5
ADDRESS_PROFILE = "shortlived"
"""The profile in which Let's Encrypt issues certificates for addresses; they are valid for 160 hours."""

Serve = Callable[[str, str], AbstractContextManager[None]]
"""(token, key authorization) -> a context in which whoever asks for the token gets the key authorization."""


class AuthorityHttp(ClientNetwork):
    """HTTP with several tries, since an authority may refuse a valid nonce (RFC 8555 section 6.5)."""

    def post(self, *args: Any, **kwargs: Any) -> Any:
        """POST again after each `badNonce`."""
        for _ in range(NONCE_TRIES - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


def issue_certificate(
    directory: str, key: ec.EllipticCurvePrivateKey, request: x509.CertificateSigningRequest, serve: Serve
) -> bytes:
    """Return the certificate chain (PEM) for `request`. `directory` is the authority's URL, `key` the account's key."""
    if not _is_https(directory):
        raise UsageError("An ACME directory is an https URL, as https://HOST/directory; give it with --acme.")
    with own_errors():
        client = _acme_client(directory, key)
        _register_account(client)
        order = client.new_order(request.public_bytes(Encoding.PEM), profile_of(client.directory, request))
        with ExitStack() as served:
            for authorization in order.authorizations:
                if authorization.body.status != messages.STATUS_VALID:
                    _answer_challenge(client, authorization, serve, served)
            deadline = datetime.now() + timedelta(seconds=MAX_ACME_ORDER_S)
            order = client.poll_authorizations(order, deadline)
        return str(client.finalize_order(order, deadline).fullchain_pem).encode()


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _acme_client(directory: str, key: ec.EllipticCurvePrivateKey) -> ClientV2:
    """A client of the authority, whose own https the operating system's store of authorities vouches for."""
    paths = ssl.get_default_verify_paths()
    trusted = cast(bool, paths.cafile or paths.capath or True)  # requests takes a path here, too
    network = AuthorityHttp(
        JWKEC(key=key), alg=ES256, user_agent="talkpath", timeout=MAX_ACME_REQUEST_S, verify_ssl=trusted
    )
    listed = messages.Directory.from_json(network.get(directory).json())
    if not all(hasattr(listed, name) for name in ("newNonce", "newAccount", "newOrder")):
        raise errors.ClientError
    return ClientV2(listed, network)


def _register_account(client: ClientV2) -> None:
    """Open an account, or find the one that this key has already."""
    try:
        client.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
    except errors.ConflictError as known:
        client.net.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)


def profile_of(directory: messages.Directory, request: x509.CertificateSigningRequest) -> str | None:
    """The profile to ask for: the short-lived one for an address, where the authority offers it."""
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    offered = directory.meta.profiles or {}
    return ADDRESS_PROFILE if names.get_values_for_type(x509.IPAddress) and ADDRESS_PROFILE in offered else None


def _answer_challenge(
    client: ClientV2, authorization: messages.AuthorizationResource, serve: Serve, served: ExitStack
) -> None:
    """Serve the answer to the authorization's challenge, and tell the authority that it may ask."""
    offered = [each for each in authorization.body.challenges if isinstance(each.chall, HTTP01)]
    if not offered:
        raise PeerError("The authority offers no challenge http-01 for this name.")
    response, text = offered[0].response_and_validation(client.net.key)
    served.enter_context(serve(offered[0].chall.encode("token"), text))
    client.answer_challenge(offered[0], response)


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise `PeerError` for whatever goes wrong with the authority."""
    try:
        yield
    except errors.TimeoutError:
        raise PeerError("The authority took too long over the certificate; try again later.") from None
    except (messages.Error, errors.IssuanceError, errors.ValidationError) as error:
        raise PeerError(
            f"The authority gave no certificate ({_error_type(error)}): do the name or address and TCP port 80 lead to "
            "this machine?"
        ) from None
    except OSError:  # of requests, too
        raise PeerError("The authority for certificates does not answer; try again later.") from None
    except (errors.Error, DeserializationError, AttributeError, KeyError, TypeError, ValueError):
        raise PeerError("The authority of --acme does not answer as RFC 8555 has it; try another.") from None


def _error_type(error: messages.Error | errors.IssuanceError | errors.ValidationError) -> str:
    """The authority's error type, without its prefix."""
    if isinstance(error, errors.ValidationError):
        found = [each.error for failed in error.failed_authzrs for each in failed.body.challenges if each.error]
    else:
        found = [error.error if isinstance(error, errors.IssuanceError) else error]
    return next((each.code for each in found if each.code), "unknown")
