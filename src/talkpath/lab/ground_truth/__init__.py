"""Ground truth of the lab: which arms the rules really restrict, and how verdicts compare with that.

Read `hits` (what a rule does to an arm's packets), then `score` (verdicts against hits).
"""
