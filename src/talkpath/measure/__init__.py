"""The facts: what was sent and what arrived, and when. Facts contain no verdict.

`facts` are the records of a check, `call` those of a recording. `decode` reads stored ones: `bounds` limits each value,
`validate` checks values against each other, `work` estimates what judging would cost. `bitmap`, `facts_digest`,
`quality` and `transport_quality` compute from facts.
"""
