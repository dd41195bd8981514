"""Processes that run beside the intake's."""
