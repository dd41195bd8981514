"""Frames to datagrams, flows, and rows of packets that may be media.

flows         5-tuples, directions and counts; `local_host` decides which end is here
datagrams     classifies datagrams and opens what carries others; `byte_hints` finds the apps' own bytes
reading       reads a file block by block as far as these, in a thread of its own where that is asked for
activity      packets a second, by flow
pcapdroid     the app names that PCAPdroid writes
rows          columns of packets that may be media; `spool` keeps them
"""
