"""Where results and progress are shown: a terminal, with rich."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from rich.console import Console


class _Screen(Console):
    def on_broken_pipe(self) -> NoReturn:
        """The reader of the pipe has enough (`| head`). That is no failure: `main` ends with 0, rich would with 1."""
        raise BrokenPipeError


def screen(*, stderr: bool = False, **settings: Any) -> Console:
    """Standard output, or standard error for progress. `settings` are rich's own.

    Text is printed as it is. Rich would take "[fd00::1]" in an address, or ":key:" in a name, for a style or a picture.
    """
    return _Screen(file=None if stderr else sys.stdout, stderr=stderr, markup=False, emoji=False, **settings)
