"""Rows of media packets to streams and their figures.

rtp_order       splits rows into streams, unwraps sequence numbers
timing          lateness, jitter and freezes against the media clock; `headerless` the same by cadence
figures         the figures of all streams of one part; `per_second` by second
stream_stats    adds them up over all parts
measurement     measures all streams of a capture
record          the record of one stream
"""
