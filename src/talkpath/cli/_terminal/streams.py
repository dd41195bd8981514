"""What is printed where a terminal has no such character: a plain one, and never a traceback. Standard error may be
closed, or lie on a full disk: that ends no command.

A Windows console of code page 1251 or 866, a pipe of Latin-1 and the C locale know no "✓". JSON does not come here: it
is written as bytes, in UTF-8 whatever the terminal.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

PLAIN = "talkpath-plain"  # the error handler
PLAIN_ASCII = "talkpath-plain-ascii"  # ASCII under another name: what is called ASCII click takes for a mistake
ONE_FOR_ONE = dict(zip("✓✗−–—·•×█▣░▌▃▆━─╸╺│„“”«»‘’", '+x---|*x##.#=#----|"""""\'\'', strict=True))
PLAIN_CHARACTERS = {**ONE_FOR_ONE, "≥": ">=", "≤": "<=", "→": "->", "←": "<-", "±": "+-", "∅": "none", "\u2011": "-"}
DIRECTION_MARKS = "\u2066\u2067\u2068\u2069"  # marks of the direction of writing


def print_plain_where_needed() -> None:
    """Let standard output and standard error take every text from now on."""
    codecs.register_error(PLAIN, _plain_text)
    codecs.register(_find_plain_ascii)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (as long as the process)
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=PLAIN_ASCII if is_ascii else None, errors=PLAIN)
            kind = FoldedText if stream.isatty() else LosingText if stream is sys.__stderr__ else None
            if kind:
                encoding = stream.encoding  # is not to be asked for afterwards
                setattr(sys, name, kind(stream.detach(), encoding, PLAIN, line_buffering=True))


class LosingText(io.TextIOWrapper):
    """A text of which nobody may read anything: what cannot be written is lost."""

    def write(self, text: str) -> int:
        """Write the text if that can be, and return how long it was."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what has gathered if that can be."""
        with suppress(OSError):
            super().flush()


class FoldedText(io.TextIOWrapper):
    """A terminal's text, each line broken between words where the terminal would break it in the middle of one."""

    def write(self, text: str) -> int:
        """Write the text, and return how long it was."""
        width = get_terminal_size().columns
        super().write("\n".join(folded_line(line, width) for line in text.split("\n")))
        return len(text)


def folded_line(line: str, width: int) -> str:
    """Return the line broken between words, those after the first as far to the right as it. A command (four spaces
    before it), an object of JSON, and what moves the cursor stay whole: somebody copies them, or placed them."""
    if len(line) <= width or line.startswith(("    ", "{", "[")) or "\x1b" in line or "\r" in line:
        return line
    indent = " " * (len(line) - len(line.lstrip(" ")))
    return fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def can_show(text: str) -> bool:
    """Whether standard output has each of these characters, so that a picture made of them is one."""
    try:
        text.encode(sys.stdout.encoding or "ascii", "strict")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _plain_text(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that the encoding has not: an error handler of codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain_character, error.object[error.start : error.end])), error.end


def _plain_character(character: str) -> str:
    from unicodedata import normalize

    if character in PLAIN_CHARACTERS:
        return PLAIN_CHARACTERS[character]
    if character in DIRECTION_MARKS:
        return ""
    return normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def _find_plain_ascii(name: str) -> codecs.CodecInfo | None:
    """The codec of that name, for `codecs.register`."""
    if name.replace("_", "-") != PLAIN_ASCII:
        return None
    ascii_codec = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=PLAIN_ASCII,
        encode=ascii_codec.encode,
        decode=ascii_codec.decode,
        incrementalencoder=ascii_codec.incrementalencoder,
        incrementaldecoder=ascii_codec.incrementaldecoder,
    )
