"""Shapes that were made from recordings of calls: the record, its text form, and what a receiver knows packets by.

It stands in `apps/` because a shape from a recording is an arm like the shapes that are written by hand: whoever plays
it needs nothing of `capture/`, which makes such records.

fields       parts of a packet's bytes: constants, counters, clocks, lengths, random bytes
field_text   a packet's fields as one line of text, and back
record       the shape itself: kinds of packets, set-ups, blocks of sizes and gaps, where it comes from
layout       where each field stands in a packet of some size; where a receiver finds random bytes
shape_text   the file (`.shape`): a page of TOML that a person can read, and its digest
"""
