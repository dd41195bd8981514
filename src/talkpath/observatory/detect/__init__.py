"""When restrictions began and ended, from day counts alone: pure, no database, no clock, the same answer in any order.

    Counts      counts.py     what one source said on one day of one app and medium on one network
    Panel       panel.py      the same as arrays, streams x days x sources
    baseline    baseline.py   what the network, or its peers, were like before
    e-values    evidence.py   how far one day's counts speak for a change (beta-binomial; taps: negative binomial)
    watch       watch.py      the e-detector, day after day: when each level was reached, and the end
    find        find.py       counts in, events of tp-008 out, and their roll-up to countries (country.py)
    Assumptions assumptions.py  every number that any of this rests on

docs/why/2026-11-24-events.md says why, docs/event-rates.md how often it is wrong and how late it is.
"""
