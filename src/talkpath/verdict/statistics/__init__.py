"""Statistical tests of calls against their twins: e-values, intervals, sample sizes. Pure functions of facts.

Read order: `cohort` (which flows are compared), `permutation` (the e-value of one epoch), the tests (`loss`,
`delay`, `survival`), `strength` (the test of set-up, and all of them over the epochs), `canary` (a control),
`interval` (how large an effect is), `sample_size` (how much more would prove it)."""
