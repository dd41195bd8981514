"""Where results are shown: standard output, with rich."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from rich.console import Console


class _Screen(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Whoever read has enough (`| head`): no failure, as `main` has it. Rich ends with 1."""
        raise BrokenPipeError


def screen(**settings: Any) -> Console:
    """Rich's own settings."""
    return _Screen(file=sys.stdout, **settings)
