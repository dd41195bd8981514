"""The observatory's log: an append-only record of what came in, and the bundles beside it (docs/why/2026-11-24-log.md).

Everything else can be made again from it. Nothing in it holds an address; who sent a report is a pseudonym whose key
was never written down and lived one day. Read records.py and segments.py (the format), log.py and committer.py
(writing), folder.py and packs.py (the disk), register.py (which reports there are), seal.py and open_data.py (what is
published), stop_list.py and named_shapes.py (what the operator decided).
"""
