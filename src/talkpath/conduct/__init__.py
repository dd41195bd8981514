"""Runs a check: asks a responder one question after another, each chosen by `verdict` from the facts so far.

Read in this order:

- `request` what a check is asked to do, and who is told of it;
- `check` the life of one check, from the first Hello to the last facts: an engine that a driver feeds;
- `question_choice` which question comes next, given what time, bytes and ports are left, as a `Begin` of the control
  protocol in a size and over transports that the responder offers, and how many bytes and seconds are left;
- `relay_stage` the last questions, where the user named TURN servers;
- `hop_questions` a check that also asks at which hop a restriction acts (`talkpath locate`);
- `run_check` a check on the real network; `repeated_checks` one check after another (`talkpath watch`).
"""
