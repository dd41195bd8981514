"""A QR code as inline SVG: black on white in dark mode too, since cameras want it so."""

from __future__ import annotations

from importlib.util import find_spec

from talkpath.report.pictures.markup import Element, element

QUIET_MODULES = 4  # the white edge that ISO/IEC 18004 wants
MAX_QR_CHARACTERS = 500


def qr_code(text: str, label: str) -> Element | None:
    """The code of a text; None without the package segno, or where the text is too long to be read from paper."""
    if find_spec("segno") is None or not 0 < len(text) <= MAX_QR_CHARACTERS:
        return None
    import segno

    rows = [list(row) for row in segno.make(text, error="m").matrix]
    side = len(rows) + 2 * QUIET_MODULES
    dark = "".join(
        f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h1v1h-1Z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return element(
        "svg",
        element("title", label),
        element("rect", width=side, height=side, fill="#fff"),
        element("path", d=dark, fill="#000", class_="qr"),
        viewBox=f"0 0 {side} {side}",
        width=148,
        height=148,
        role="img",
        class_="qr",
    )
