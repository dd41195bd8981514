"""One DTLS association, by OpenSSL's memory BIOs: the handshake that gives a call its SRTP keys (RFC 5764).

Contract: datagrams in, datagrams out. The other end's certificate has to have the fingerprints that its offer named
(RFC 8122), or it fails. One handshake, no renegotiation. An error ends the association and is never raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from talkpath.browser.webrtc.session_description import DIGESTS, Fingerprint

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

MTU_BYTES = 1200
MAX_DTLS_READ_BYTES = 1 << 16
CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-ECDSA-AES128-SHA",
        b"ECDHE-ECDSA-AES256-SHA",
    )
)
LABEL = b"EXTRACTOR-dtls_srtp"


class SrtpProfile(Struct, frozen=True):
    """An SRTP protection profile: OpenSSL's name, pylibsrtp's, and how long key and salt are (RFC 7714, RFC 5764)."""

    name: bytes
    constant: str
    key_bytes: int
    salt_bytes: int


PROFILES = (  # the first that the browser offers too is taken
    SrtpProfile(b"SRTP_AEAD_AES_256_GCM", "SRTP_PROFILE_AEAD_AES_256_GCM", 32, 12),
    SrtpProfile(b"SRTP_AEAD_AES_128_GCM", "SRTP_PROFILE_AEAD_AES_128_GCM", 16, 12),
    SrtpProfile(b"SRTP_AES128_CM_SHA1_80", "SRTP_PROFILE_AES128_CM_SHA1_80", 16, 14),
)


class SrtpKeys(Struct, frozen=True):
    """What both ends derived: the DTLS client's key and salt, and the server's."""

    profile: SrtpProfile
    client: bytes
    server: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """A self-signed certificate with an ECDSA P-256 key, which the other end knows by its fingerprint."""

    chain: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    made_at: datetime

    @classmethod
    def fresh(cls, server: str = "", days: int = 30) -> Certificate:
        """Make one that is valid for so many days, for the server of that name; without one its name is random and
        tells nothing."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, server or token_hex(16))])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
        )
        if server:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(server)]), critical=False)
        return cls(made.sign(key, hashes.SHA256()), key, now)

    def fingerprint(self) -> Fingerprint:
        """Its hash by SHA-256."""
        return fingerprint_of(self.chain, DIGESTS[0])


def fingerprint_of(certificate: x509.Certificate, digest: str) -> Fingerprint:
    """The hash of a certificate."""
    from cryptography.hazmat.primitives import hashes

    algorithms = dict(zip(DIGESTS, (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()), strict=True))
    return Fingerprint(digest, certificate.fingerprint(algorithms[digest]))


class DtlsAssociation:
    """The association, of which this end is the server. `has_media`: SRTP keys have to come of it.

    `state` is "open" until the handshake is done, then "connected"; "failed" or "closed" is the end. `received` has the
    application data that came.
    """

    def __init__(
        self,
        certificate: Certificate,
        expected: Sequence[Fingerprint],
        *,
        has_media: bool = True,
    ) -> None:
        from OpenSSL import SSL

        self._errors = SSL
        self._expected, self._has_media = tuple(expected), has_media
        self._ssl = SSL.Connection(_dtls_context(certificate))
        self._ssl.set_ciphertext_mtu(MTU_BYTES)
        self._ssl.set_accept_state()
        self.state: Literal["open", "connected", "failed", "closed"] = "open"
        self.keys: SrtpKeys | None = None
        self.received: list[bytes] = []

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram; return what is to be sent."""
        if self.state in ("failed", "closed"):
            return []
        self._ssl.bio_write(datagram)
        if self.state == "open":
            self._shake_hands()
        if self.state == "connected":
            self._read()
        return self._take_out()

    def wait_s(self) -> float | None:
        """In how many seconds `poll` has something to repeat; None if nothing waits for an answer."""
        if self.state in ("failed", "closed"):
            return None
        left = self._ssl.DTLSv1_get_timeout()
        return None if left is None else float(left)

    def poll(self) -> list[bytes]:
        """Repeat the last flight if it is time."""
        if self.state in ("failed", "closed"):
            return []
        try:
            self._ssl.DTLSv1_handle_timeout()
        except self._errors.Error:  # it was repeated often enough
            self.state = "failed"
        return self._take_out()

    def send(self, data: bytes) -> list[bytes]:
        """Encrypt application data."""
        if self.state != "connected":
            return []
        try:
            self._ssl.send(data)
        except self._errors.Error:
            self.state = "failed"
        return self._take_out()

    def close(self) -> list[bytes]:
        """End the association; return the alert that tells the other end."""
        if self.state == "connected":
            try:
                self._ssl.shutdown()
            except self._errors.Error:
                self.state = "failed"
        said = self._take_out()
        self.state = "closed"
        return said

    def _shake_hands(self) -> None:
        try:
            self._ssl.do_handshake()
        except self._errors.WantReadError:
            return
        except self._errors.Error:
            self.state = "failed"
            return
        is_expected = self._is_expected()
        self.keys = self._derived() if is_expected and self._has_media else None
        has_keys = self.keys is not None or not self._has_media
        self.state = "connected" if is_expected and has_keys else "failed"

    def _is_expected(self) -> bool:
        """Whether the other end's certificate is the one that was named in its session description."""
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        return certificate is not None and all(
            fingerprint_of(certificate, each.digest) == each for each in self._expected
        )

    def _derived(self) -> SrtpKeys | None:
        """Both ends' SRTP keys (RFC 5764 section 4.2); None if no profile is common to them."""
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((each for each in PROFILES if each.name == chosen), None)
        if profile is None:
            return None
        key, salt = profile.key_bytes, profile.salt_bytes
        block = self._ssl.export_keying_material(LABEL, 2 * (key + salt))
        client, server = (
            block[end * key : (end + 1) * key] + block[2 * key + end * salt : 2 * key + (end + 1) * salt]
            for end in (0, 1)
        )
        return SrtpKeys(profile, client, server)

    def _read(self) -> None:
        """Take the application data of all datagrams that came."""
        while True:
            try:
                self.received.append(self._ssl.recv(MAX_DTLS_READ_BYTES))
            except self._errors.ZeroReturnError:
                self.state = "closed"
                return
            except self._errors.WantReadError:
                return
            except self._errors.Error:
                self.state = "failed"
                return

    def _take_out(self) -> list[bytes]:
        try:
            return in_datagrams(self._ssl.bio_read(MAX_DTLS_READ_BYTES))
        except self._errors.Error:  # nothing is to be sent
            return []


def _dtls_context(certificate: Certificate) -> Any:
    from OpenSSL import SSL

    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _accept_any)
    context.use_certificate(certificate.chain)
    context.use_privatekey(certificate.key)
    context.set_cipher_list(CIPHERS)
    context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
    return context


def _accept_any(*_: object) -> bool:
    """Any certificate may be shown: it is compared with its fingerprint afterwards."""
    return True


def in_datagrams(flight: bytes) -> list[bytes]:
    """Split what OpenSSL wrote at records, into datagrams of MTU_BYTES at most."""
    datagrams, begin, end = [], 0, 0
    while end < len(flight):
        following = end + _record_bytes(flight, end)
        if following - begin > MTU_BYTES and end > begin:
            datagrams.append(flight[begin:end])
            begin = end
        end = following
    return [*datagrams, flight[begin:]] if begin < len(flight) else datagrams


def _record_bytes(flight: bytes, at: int) -> int:
    """The length of the record that begins there, header included (RFC 6347 section 4.1, RFC 9147 section 4)."""
    first = flight[at]
    if first >> 5 != 1:
        return 13 + int.from_bytes(flight[at + 11 : at + 13], "big")
    number_bytes, has_length = 2 if first & 8 else 1, bool(first & 4)
    if not has_length:
        return len(flight) - at
    begin = at + 1 + number_bytes
    return 1 + number_bytes + 2 + int.from_bytes(flight[begin : begin + 2], "big")
