"""Media over TCP: reassembly, TURN, ICE-TCP and reflector framing, and calls inside TLS found by cadence."""
