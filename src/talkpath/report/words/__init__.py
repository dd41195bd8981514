"""Verdicts as sentences, in the reader's language.

Read `language` (how a text is translated) and `sentences` (a verdict as a label, a sentence and
three lines), then what those are made of: `observed`, `certainty`, `mechanism`, `reasons`, `amounts`, and
`check_context` (what they must know of the rest of the check). `other_bases` is for
verdicts on messages and on a browser's own calls; `endings` says why a check did not begin or ended early.
"""
