"""The consenting far end: an engine without sockets (`session`, `flight`), and its driver on real ones."""
