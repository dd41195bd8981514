"""Calls of a made-up messenger, each through a relay of the app's own, with both ends inside the lab.

A check places calls to a test server; these calls are what a person's own are: the caller reaches the app's relay (a
host in the app's network, lab/restrictor/app_networks), which forwards to the callee. So a rule that is bound to an
app's addresses acts on them, and what the caller's interface sees can be recorded or analysed live.

    script      the packets of a call, in the byte shape of an app (lab only: both ends are made up)
    call_end    the engine of one end: set-up with repeats, media, silence, hanging up
    placed      a call in virtual time through any simulated network; relays that move, are congested, or are down
    recording   what the caller's interface saw, as packets and as a capture;  `record_call` makes one in a line
    forwarder   the relay on real sockets: forwards datagrams to the callee, answers STUN, counts what reaches it
    live_end    one end on a real socket
    namespaces  a relay, or a whole call, on the hosts of the netns driver
    __main__    relay and ends as programs of their own
"""
