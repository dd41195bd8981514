"""Facts: what was sent, when, and what arrived, when. Facts never judge.

`facts` are the records of a check, `call` those of a recording. `decode` reads stored ones: `bounds` limits each value,
`validate` ties values together, `work` tells what judging would cost. `bitmap`, `facts_digest`, `quality` and
`transport_quality` compute from facts.
"""
