"""Reads pcap and pcapng files into arrays of packets, a block at a time.

`blocks(file)` yields `Frames`, `transports(frames)` turns them into `Packets` (UDP and TCP over IPv4 and IPv6, inside
any link layer or tunnel). Arrays are valid until the next block is asked for. Memory does not grow with the file. What
cannot be read is counted by name in `Unread`; only a file that is no capture at all raises (`WireError`).
Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, the link types of tcpdump.org.

    read          opens a file, also a gzipped one; `window` holds a block of it
    classic, ng   the two containers; `records` walks the records of the first
    frames        the frames that they give, and the count of what could not be read; `arrays` reads their fields
    record_gaps   tells whether a recorder handed packets over in clusters
    link          walks the link layers down to the IP header
    network       IPv4, IPv6, UDP and TCP headers; `tunnels` IP inside IP, `fragments` reassembly
    splitter      splits a stream that still arrives into whole records
    write         writes pcapng
"""

from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.network import TCP, UDP, Packets, transport_packets
from talkpath.wire.pcap.read import frame_blocks

__all__ = ["TCP", "UDP", "Frames", "Packets", "Unread", "frame_blocks", "transport_packets"]
