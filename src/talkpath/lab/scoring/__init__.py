"""How often talkpath is wrong: checks drawn at random, played, held against the truth, counted, written down.

    settings, draw    a seed -> one check: arms, restriction, background
    play, row, run    a check -> a row of build/score.jsonl; what is there already is not played again
    figures, speed    rows -> numbers, each with n and an exact interval (exact)
    goals             numbers -> held or missed
    tables, pictures, page   all of it -> docs/error-rates.md
    beyond            the same checks on real sockets

Nothing in a table comes from anywhere but the rows.
"""
