"""What the facts say. `judge(facts)` and `next_question(facts)`; opens nothing, sends nothing."""
