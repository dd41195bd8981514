"""Judges facts and chooses the next question; opens nothing, sends nothing.

Read order: `model` (the records), `judge` (facts to verdicts), `assessment` (the state of one arm), `validity` (what
voids a check); then the rooms, each importing only from those below it: `planner` (the next question) and `bases`
(facts without twins), `rules` (one mechanism a file), `flows` (outcomes of single flows), `statistics` (the tests).
`analysis` owns what is remembered of the epochs of a check."""
