"""The facts of one arm, flow by flow, before any rule is fitted to them.

Read order: `arm_view` (losses slot by slot, as rules see them), `outcomes` (what became of each flow), `nat_rebinding`
and `censored_tail` (flows that came back; what a line lost after the last arrival), `call_quality`, `self_congestion`.
"""
