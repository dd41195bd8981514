"""Events (spec/tp-008): when a restriction began, changed and ended on a network."""
