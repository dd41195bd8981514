"""The first file that runs in a .pyz of talkpath: it unpacks the rest once, and starts it. It fetches nothing.

Compiled modules cannot be loaded from inside a zip. So the content is unpacked into this user's cache, into a folder
that is named by its digest; where that cannot be written, into a temporary one that goes at the end.
Old Pythons (3.6 and newer, once the line below is gone) must be able to read this file, since it tells them that they
are too old.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile

DIGEST, SYSTEM = "CONTENT_DIGEST", "SYSTEM_NAME"  # scripts/portable.py fills these in

NO_ROOM = (
    "talkpath: this file cannot be unpacked: it needs 85 MB where it may write, in this user's cache or in the folder "
    "for temporary files (TMPDIR)."
)


def cache_folder() -> str:
    """Where this user's programs keep what they can make again."""
    if os.name == "nt":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


def unpack(pyz: str, python: str, folder: str) -> None:
    """What this Python needs, into a new folder that takes its name at the end, when all of the file was what it was
    built with: two that start together do no harm, and a damaged file leaves nothing."""
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    new, digest = tempfile.mkdtemp(dir=os.path.dirname(folder)), hashlib.sha256()
    try:
        with zipfile.ZipFile(pyz) as packed:
            for name in packed.namelist()[1:]:  # behind this file
                data, (_, version, *below) = packed.read(name), name.split("/")
                digest.update(name.encode() + b"\0" + data)
                if version in ("any", python):
                    target = os.path.join(new, *below)
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(target, "wb") as file:
                        file.write(data)
        if digest.hexdigest() != DIGEST:
            raise ValueError("another digest")
        os.rename(new, folder)
    except OSError:
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def unpacked(pyz: str, python: str) -> tuple[str, str]:
    """The folder with all packages, and the temporary one that holds it, "" where it lies in the cache."""
    with zipfile.ZipFile(pyz) as packed:
        pythons = sorted({name.split("/")[1] for name in packed.namelist() if name.startswith("site/3.")})
    if python not in pythons:
        sys.exit(f"talkpath: this file is for Python {' or '.join(pythons)} on {SYSTEM}, and this is Python {python}.")
    folder = os.path.join(cache_folder(), "talkpath", f"{DIGEST[:16]}-{python}")
    try:
        if not os.path.isdir(folder):
            unpack(pyz, python, folder)
        return folder, ""
    except OSError:
        temporary = tempfile.mkdtemp(prefix="talkpath-")
    try:
        unpack(pyz, python, os.path.join(temporary, "site"))
        return os.path.join(temporary, "site"), temporary
    except Exception:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def main() -> None:
    """Unpack where needed, and start talkpath."""
    try:
        folder, temporary = unpacked(os.path.abspath(sys.argv[0]), ".".join(map(str, sys.version_info[:2])))
    except OSError:
        sys.exit(NO_ROOM)
    except Exception:  # noqa: BLE001  # whatever a changed byte makes of a zip
        sys.exit("talkpath: this file is damaged: get it again, and compare it with its SHA256SUMS.")
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder  # for the processes that it starts
    try:
        from talkpath.cli import main as start

        start()
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
