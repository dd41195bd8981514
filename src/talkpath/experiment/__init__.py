"""The experiment: which flows are calls and which are twins, when each packet is sent, and what an epoch costs.

Everything here is a pure function of the session's seeds, so both ends of a check compute it independently.

Read `plan` (which arms, at what cost), `seeds`, `layout` (one epoch: roles, packets, times) with `twin`,
`flight` (one end of an epoch as it runs), then `assemble` (both ends' reports become facts). `budget` is the cost
of an epoch, `nonce` the check of an address, `imitation_digest` how two versions notice that they differ.
"""
