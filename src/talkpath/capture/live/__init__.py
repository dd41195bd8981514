"""Shows the calls of a stream of packets while it arrives (`talkpath listen`).

recent_scan      the scan of the stream so far, measured over the last seconds, of which alone it keeps rows
live_call        a call that goes on: its seconds so far
live_picture     all calls of the stream, and what set-up and other traffic was seen
live_capture     the engine: bytes of the stream in, pictures out
call_packets     the packets of a call, one by one, as they arrive

What is said in the end does not come from here: the stream's bytes also go through `scan` and `measure_calls`, as a
file's would.
"""
