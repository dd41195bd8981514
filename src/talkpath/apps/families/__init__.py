"""What several apps have in common on the wire; no app itself.

rtc_facts      what an app's file says of its WebRTC calls
rtc_media      sizes and instants of media packets
rtc_packets    the bytes of the packets, drawn once for all flows (rtc_sheet) and cut for each
rtc_call       the shape made of them; shape_file reads one from a file
microsoft      STUN and payload types of Teams and Skype
"""
