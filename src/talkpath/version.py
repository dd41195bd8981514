"""The version of this talkpath: the only place where it is written; and whether its files are those that were built."""

from __future__ import annotations

from collections.abc import Iterable

VERSION = "0.3.0"
RECORD_DIGEST = ",sha256="  # between a file and its digest


def build_text() -> str:
    """As "build 1a2b…, as it was built": the digest of all files of the wheel, the same whichever way it was installed.

    A copy that differs by accident is told so. One that was changed on purpose may say what it likes: for that there
    are SHA256SUMS and its signature (docs/how-to/get-it.md).
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution("talkpath")
        rows = (found.read_text("RECORD") or "").splitlines()
    except PackageNotFoundError:
        rows = []
    lines = [row.rpartition(",")[0] for row in rows if row.startswith("talkpath/") and RECORD_DIGEST in row]
    if not lines:
        return "from a checkout, which nobody released"
    pairs = [line.split(RECORD_DIGEST) for line in lines]
    changed = [name for name, digest in pairs if _digest_text(found.locate_file(name)) != digest]
    fate = f"NOT as it was built: {', '.join(changed[:3])} differs" if changed else "as it was built"
    return f"build {wheel_build(lines)}, {fate}"


def wheel_build(lines: Iterable[str]) -> str:
    """The name of a build, from the lines "file,sha256=digest" of a wheel's RECORD."""
    from hashlib import sha256

    return sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def _digest_text(file: object) -> str:
    """As RECORD has it; "" where the file cannot be read."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256
    from pathlib import Path

    try:
        return urlsafe_b64encode(sha256(Path(str(file)).read_bytes()).digest()).rstrip(b"=").decode()
    except OSError:
        return ""
