"""Statistical tests of calls against their twins: e-values, intervals, sample sizes. Pure functions of facts.

Read order: `cohort` (which flows are compared), `permutation` (the e-value of one epoch), the tests (`loss` with
`burst`, `delay`, `setup`, `survival`), `strength` (all of them over the epochs), `twins` and `canary` (controls),
`interval` (how large an effect is), `sample_size` (how much more would prove it)."""
