"""Streams and flows to calls: grouped, named, laid out second by second."""
