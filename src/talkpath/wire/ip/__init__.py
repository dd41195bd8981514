"""IP packets, addresses, DNS and the socket error queue."""
