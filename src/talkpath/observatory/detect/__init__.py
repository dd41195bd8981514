"""The event detector: when restrictions began and ended, from day counts alone. Pure: no database, no clock, and the
same answer for any order of counts.

    Counts      counts.py       what one source said on one day of one app and medium on one network; as arrays, `Panel`
    baseline    baseline.py     the usual level of a network, or of its peers, without a restriction
    e-values    evidence.py     the evidence of one day's counts for a change (beta-binomial; taps: negative binomial)
    watch       watch.py        the e-detector, day after day : when each level was reached, and the end
    find        find.py         from counts to events of tp-008, and their roll-up to countries (country.py); the share
                                of checks that say restricted, with an interval
    Assumptions assumptions.py  every number that any of this rests on

docs/why/2026-11-24-events.md says why, docs/event-rates.md how often it is wrong and how late it is.
"""
