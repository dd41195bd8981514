"""The language of a person's system where the environment names none: Windows and macOS set no LANG by themselves."""

from __future__ import annotations

import sys
from pathlib import Path

PREFERENCES = Path("Library/Preferences/.GlobalPreferences.plist")


def system_language() -> str:
    """A name such as "ru_RU" or "fa-IR"; "" where the system tells none."""
    if sys.platform == "win32":
        import ctypes
        from locale import windows_locale

        return windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return apple_language(Path.home() / PREFERENCES) if sys.platform == "darwin" else ""


def apple_language(file: Path) -> str:
    """The first language of macOS's preferences."""
    from plistlib import InvalidFileException, load

    try:
        with file.open("rb") as data:
            return str(load(data)["AppleLanguages"][0])
    except (OSError, InvalidFileException, LookupError, TypeError):
        return ""
