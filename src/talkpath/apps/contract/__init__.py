"""The contract between an app file and the rest of the program, in this order:

shape        what an app file exports, and what a call looks like on the wire
script       writes a schedule, packet by packet
flow_view    what a recogniser is told of a flow, and what it answers
byte_hint    which datagrams `capture` looks for before it asks a recogniser
"""
