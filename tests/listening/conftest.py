"""Lets the tests here call their functions in a fresh network namespace."""

from factories.networks.lab_namespace import in_lab

__all__ = ["in_lab"]
