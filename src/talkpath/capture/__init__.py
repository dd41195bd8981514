"""Finds and measures calls in captures: packets, streams, calls, facts (`measure.call`); it makes no verdict.

packets      frames to datagrams, flows and rows of packets that may be media
recognise    which app a datagram belongs to
tcp          media over TCP
scan         one pass over the file, which calls all of these
streams      rows to streams and their figures
calls        streams and flows to calls and their records
app_stats    calls from an app's own statistics
table        all media packets for Parquet
scrubbing    a copy that can be shared

Each imports only those above it. A captured packet goes straight through five steps, each over the record of the one
before: `scan_capture` (`Scan`), `group_flows` (`FlowGroups`), `measure_streams` (`GroupStreams`), `find_calls`
(`FoundCalls`), `measure_calls` (`MeasuredCapture`, which holds the facts).
"""
