"""Renews the page's certificate while the server runs, and reloads it when its files change.

So neither a renewal of our own nor one by certbot needs a restart: new connections get the new certificate.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from talkpath.browser.certificate.stored_certificate import Domain, is_due, renew_certificate
from talkpath.errors import TalkpathError

CHECK_S = 3600.0  # an authority refuses those who fail more than a few times an hour

Files = tuple[str, str]


def obtain_certificate(domain: Domain) -> tuple[Files, str]:
    """Return the files of chain and key, and a sentence if a renewal failed. The error of `renew_certificate` if no
    valid certificate is there at all."""
    trouble = ""
    try:
        renew_certificate(domain)
    except TalkpathError as error:
        if is_due(domain, datetime.now(UTC), left=0.0):
            raise
        trouble = str(error)
    return (str(domain.file), str(domain.file)), trouble


def try_renewal(domain: Domain) -> str:
    """Renew the certificate if that is due; return a sentence if it failed."""
    try:
        renew_certificate(domain)
    except TalkpathError as error:
        return str(error)
    return ""


async def follow_certificate(files: Files, domain: Domain | None, reload: Callable[[], None], check_s: float) -> None:
    """Renew for ever, and call `reload` whenever the files changed and belong together."""
    known = _files_stamp(files)
    while True:
        await asyncio.sleep(check_s)
        if domain is not None and (trouble := await asyncio.to_thread(try_renewal, domain)):
            sys.stderr.write(f"talkpath: {trouble}\n")
        if (now := _files_stamp(files)) == known:
            continue
        known = now
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        except OSError:  # of ssl, too
            sys.stderr.write("talkpath: The page's new certificate and its key do not belong together; the old stay.\n")
        else:
            reload()


def _files_stamp(files: Files) -> list[tuple[int, int]]:
    """A value that changes whenever one of the files does."""
    stats = [Path(file).stat() for file in files if Path(file).exists()]
    return [(each.st_mtime_ns, each.st_ino) for each in stats]
