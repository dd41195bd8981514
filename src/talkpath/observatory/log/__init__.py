"""The observatory's truth: an append-only log of what came in, and the bundles beside it (docs/why/2026-11-24-log.md).

Everything else can be made again from it. Nothing in it holds an address; who sent a report is a pseudonym whose key
was never written down and lived one day.
"""
