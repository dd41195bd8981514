"""Chooses the next question of a check: facts in, one question out, or None when nothing more is worth its bytes.

Read order: `asked` (what was asked already, and what is pending), `costs` (what can be afforded), `questions` (each
single question), `next_question` (which of them is wanted first), `transports` (which transports still carry calls).
"""
