"""Days as they are written: 2026-11-24."""

from __future__ import annotations

from datetime import date, timedelta


def is_day(text: str) -> bool:
    """Whether the text is a day, written so and not otherwise."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def later_day(day: str, days: int) -> str:
    """The day that comes so many days later; earlier, where the number is negative."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
