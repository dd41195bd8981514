"""Measures how often talkpath is wrong: draws checks at random, plays them, compares them with the ground truth.

    settings, late_onsets, draw     a seed -> one check: arms, restriction, background
    play, row, run     a check -> a row of build/score.jsonl; a row that exists is not played again
    metrics            rows -> numbers, each with n and an exact interval; goals met or missed
    driver_agreement   the same checks on real sockets
    page               rows -> docs/error-rates.md
    published          the few numbers that an observatory's method page shows

Every number in a table comes from the rows alone.
"""
