"""Captures: packets -> streams -> calls -> facts (`measure.call`), never a verdict.

scan        one pass over the file: blocks of frames in, what the analysis needs out
  flows, activity, trailer, tcp     5-tuples, packets a second, app labels, streams over TCP
  datagrams, cues, sift, recognise  what each datagram is, what is inside, whose it is
  rows                              columns of packets that may be media
talks       which flows and streams are one call (local, stitch, order, timing, opaque, cells, naming)
calls       the records (streams, moments, paths)
peer        the same call at both ends
scrub       a capture that can be shared (strip, pseudonym)
table       all media packets for Parquet
"""
