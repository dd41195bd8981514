"""The first file that runs in a .pyz of talkpath: it unpacks the rest once, and starts it. It fetches nothing.

Compiled modules cannot be loaded from inside a zip. So the content is unpacked into this user's cache, into a folder
that is named by its digest; where that cannot be written, into a temporary one that goes at the end.
Old Pythons (3.6 and newer, once the line below is gone) must be able to read this file, since it tells them that they
are too old.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile

DIGEST, SYSTEM = "CONTENT_DIGEST", "SYSTEM_NAME"  # scripts/portable.py fills these in


def cache_folder() -> str:
    """Where this user's programs keep what they can make again."""
    if os.name == "nt":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches")
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


def unpack(pyz: str, python: str, folder: str) -> None:
    """What this Python needs, into a new folder that takes its name at the end: two that start together do no harm."""
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    new = tempfile.mkdtemp(dir=os.path.dirname(folder))
    try:
        with zipfile.ZipFile(pyz) as packed:
            for name in packed.namelist():
                top, *below = name.split("/")
                if top == "site" and below[0] in ("any", python):
                    target = os.path.join(new, *below[1:])
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with packed.open(name) as source, open(target, "wb") as file:
                        shutil.copyfileobj(source, file)
        os.rename(new, folder)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        if not os.path.isdir(folder):
            raise


def main() -> None:
    """Unpack where needed, and start talkpath."""
    pyz, python = os.path.abspath(sys.argv[0]), ".".join(map(str, sys.version_info[:2]))
    with zipfile.ZipFile(pyz) as packed:
        pythons = sorted({name.split("/")[1] for name in packed.namelist() if name.startswith("site/3.")})
    if python not in pythons:
        sys.exit(f"talkpath: this file is for Python {' or '.join(pythons)} on {SYSTEM}, and this is Python {python}.")
    folder, temporary = os.path.join(cache_folder(), "talkpath", f"{DIGEST[:16]}-{python}"), None
    try:
        if not os.path.isdir(folder):
            unpack(pyz, python, folder)
    except OSError:
        temporary = tempfile.mkdtemp(prefix="talkpath-")
        folder = os.path.join(temporary, "site")
        unpack(pyz, python, folder)
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
