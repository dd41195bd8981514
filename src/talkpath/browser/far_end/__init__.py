"""The far end of a check in a browser, in a process of its own: it answers calls and twins, keeps time, and counts.

Read in this order: `process` (starts it), `check_session` (one check), `epoch_run` (one epoch's flows), `schedule` (the
order drawn from the seed); then the transports, `shared_port`, `peer_connection`, `webtransport_twin` and
`call_media`; then how counts become facts, `epoch_report`, `arrivals`,
`epoch_facts`, `exclusions` and `call_paths`.
"""
