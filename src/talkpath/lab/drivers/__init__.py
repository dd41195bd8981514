"""Drivers of the lab: virtual time (sim), Linux network namespaces (netns), sockets of 127.0.0.1 (loopback)."""
