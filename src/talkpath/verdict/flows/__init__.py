"""What the facts of one arm say flow by flow, before any rule is asked."""
