"""The facts of one arm, flow by flow, before any rule is fitted to them.

Read order: `direction_losses` (losses slot by slot, as rules see them, and what twins lose), `arm_view`
(all of one arm), `outcomes` (what became of each flow, and which came back), `censored_tail` (what
a line lost after the last arrival), `calls_left_out` (calls that are no evidence), `long_calls`, `rule_onset`,
`cut_off_point`, `call_quality`, `self_congestion`.
"""
