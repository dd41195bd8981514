"""Fixtures of the tests of `proof`."""

from factories.networks.lab_namespace import in_lab

__all__ = ["in_lab"]
