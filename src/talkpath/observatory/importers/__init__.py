"""Bring other records into the log: folders of bundles and taps, OONI's measurements."""
