"""Statistical tests of calls against their twins: e-values, intervals, sample sizes. Pure functions of arrays."""
