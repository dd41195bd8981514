"""Factories: what tests make and share, by subject. Each module's name says what it makes."""
