"""Messages in the lab: a simulated messenger host, a neutral host beside it, and small exchanges with both.

An exchange is a TCP handshake, a TLS 1.3 handshake, a message of 200 bytes, and its answer. In each round every app's
front on the messenger host and the neutral host are asked at the same instant, so that congestion affects all of them.
Apps differ by the server name in the handshake, as they do on the internet. The result is a list of `Exchange` records
(basis signalling), without a verdict. A real check never does this: it has no messenger to ask.

Read in this order:

    client       what is asked, the commands that start a host and a client as programs of their own, and both
    simulated    asks in virtual time
    __main__     `python -m talkpath.lab.messenger serve|ask`
"""
