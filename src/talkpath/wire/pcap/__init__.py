"""Captures: pcap and pcapng files to arrays of packets, a block at a time.

Contract: `blocks(file)` yields `Frames`, `transports(frames)` turns them into `Packets` (IPv4 and IPv6, UDP and
TCP, whatever carries them). Arrays are views or copies that live until the next block is asked for. Memory does
not grow with the file. What cannot be read is counted by name in `Unread`; only a file that is no capture at all
raises (`WireError`). Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, the link types of tcpdump.org.

    classic, ng   containers            link        what lies under IP
    frames        the records           network     IPv4, IPv6, UDP, TCP headers
    fragments     reassembly            write       pcapng out
"""

from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.network import TCP, UDP, Packets, transports
from talkpath.wire.pcap.read import blocks

__all__ = ["TCP", "UDP", "Frames", "Packets", "Unread", "blocks", "transports"]
