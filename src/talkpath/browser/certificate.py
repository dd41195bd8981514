"""The page's certificate while the server runs: renewed where it is ours (`acme`), taken anew where its files change.

So neither a renewal of our own nor one by certbot takes a new start: who connects from then on is shown the new one.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from talkpath.browser.acme.keep import Domain, is_due, renewed
from talkpath.errors import TalkpathError, UsageError

LOOK_S = 3600.0  # authorities refuse who fails more than a few times an hour

Files = tuple[str, str]


def obtained(domain: Domain) -> tuple[Files, str]:
    """(the files of chain and key, a sentence where they could not be renewed yet). `UsageError` where there is no
    certificate to begin with."""
    trouble = tried(domain)
    if trouble and is_due(domain, datetime.now(UTC), left=0.0):
        raise UsageError(trouble)
    return (str(domain.file), str(domain.file)), trouble


def tried(domain: Domain) -> str:
    """Renew it where that is due; a sentence where that failed."""
    try:
        renewed(domain)
    except TalkpathError as error:
        return str(error)
    return ""


async def follow(files: Files, domain: Domain | None, taken: Callable[[], None], look_s: float) -> None:
    """For ever: renew, and call `taken` whenever the files have changed and belong together."""
    seen = _stamp(files)
    while True:
        await asyncio.sleep(look_s)
        if domain is not None and (trouble := await asyncio.to_thread(tried, domain)):
            sys.stderr.write(f"talkpath: {trouble}\n")
        if (now := _stamp(files)) == seen:
            continue
        seen = now
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
        except OSError:  # of ssl, too
            sys.stderr.write("talkpath: The page's new certificate and its key do not belong together; the old stay.\n")
        else:
            taken()


def _stamp(files: Files) -> list[tuple[int, int]]:
    """Changes whenever a file does."""
    found = [Path(file).stat() for file in files if Path(file).exists()]
    return [(each.st_mtime_ns, each.st_ino) for each in found]
