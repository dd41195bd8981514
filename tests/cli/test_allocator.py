"""glibc is told to keep what is freed; another C library is left alone."""

from __future__ import annotations

import ctypes

import pytest

from talkpath.cli.capture import keep_freed_memory


class Library:
    """A C library with or without mallopt."""

    def __init__(self, *, has_mallopt: bool) -> None:
        self.options: dict[int, int] = {}
        if has_mallopt:
            self.mallopt = self.options.__setitem__


def test_options_of_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(has_mallopt=True)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    keep_freed_memory()
    trim_threshold, mmap_threshold, arena_max = (library.options[option] for option in (-1, -3, -8))
    assert trim_threshold > mmap_threshold
    assert arena_max == 1


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_no_c_library_is_found(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def load(_name: None) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", load)
    keep_freed_memory()


def test_a_c_library_without_these_options(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(has_mallopt=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    keep_freed_memory()
    assert not library.options
