"""Writes docs/error-rates.md from rows alone: `write` (the page), `tables`, `pictures`, `svg`."""
