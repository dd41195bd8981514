"""talkpath: is somebody restricting calls on this network, how, and how sure is that?

Read the house in this order: `errors`, `wire`, `apps`, `measure`, `experiment`, `verdict`, `probe` and
`responder`, `conduct`, `evidence`, `report`, `lab`, `cli`. Imports point only that way.
"""

__version__ = "0.1.0"
