"""Other machines than this one, as far as taking names and characters away shows them."""
