"""Fixtures of the lab's tests."""

from factories.networks.lab_namespace import in_lab

__all__ = ["in_lab"]
