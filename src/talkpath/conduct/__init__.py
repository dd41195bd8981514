"""Joins a session to the verdict's next question: runs epochs, stops, asks on. Still without sockets."""
