"""Judges facts that have no twins: a recording, exchanges with the apps' own servers, routers, repeated checks."""
