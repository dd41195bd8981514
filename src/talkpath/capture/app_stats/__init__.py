"""Calls from an app's own statistics, in the same records as those of a recording.

reading            what a file holds, with bounds on everything that is read
webrtc_internals   dumps of chrome://webrtc-internals (getStats)
signal_log         Signal's debug logs (RingRTC)
counters           the readings of one stream
calls              readings to the record of a call
"""
