"""The page's modules as one script. On a line with a long queue each file takes seconds, and each that is lost as many
again: eighteen of them took one to two and a half minutes there, before anybody could press Start.

Contract: modules import by name (`import { a, b } from "./x.js";`, a line each) from the same folder, in no circle, and
export declarations (`export const`, `function`, `class`). Each keeps a scope of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)


def joined(entry: str, read: Callable[[str], str]) -> str:
    """`entry` and all that it imports, each after what it uses. `read` gives the text of a module by its name, which
    is without its ending."""
    texts: dict[str, str] = {}

    def visit(name: str) -> None:
        text = read(name)
        for found in IMPORT.finditer(text):
            if found[2] not in texts:
                visit(found[2])
        texts[name] = _scoped(name, text)

    visit(entry)
    return "\n".join(texts.values())


def _scoped(name: str, text: str) -> str:
    exported = ", ".join(found[2] for found in EXPORT.finditer(text))
    body = EXPORT.sub(r"\1 \2", IMPORT.sub(r"const { \1 } = module_\2;", text))
    return f"const module_{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"
