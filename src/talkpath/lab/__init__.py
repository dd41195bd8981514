"""The lab: simulated networks that may restrict calls, whose ground truth is known. It acts only on links that it made.

Read it in this order:

    parameters      settings as text, as in `media.drop,p=0.3`
    path            links, address translators, routers, streams between two hosts
    backgrounds     ordinary impairments: congestion, burst loss, NAT
    matchers        recognise calls by their bytes, as published middleboxes do
    restrictor      mechanisms that drop or delay packets
    network         a background and rules together;   scenario   the same from the command line
    ground_truth    which arms the rules really restrict, and verdicts compared with that
    messenger       simulated messenger hosts, for messages beside calls
    drivers         play a check through a network: virtual time, namespaces, loopback
    own_addresses   questions to an app's own servers, over ways that part
    country, demo   a simulated country day by day; four scenes in one
    rehearsal       what a check costs, for `check --dry-run`

Error rates are counted with it in `proof/`, beside `src/`.
"""
