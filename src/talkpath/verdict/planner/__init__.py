"""Choose what to measure next. Pure: facts in, one question out."""
