"""Estimate how many people an event touches: an interval, and what was assumed for it."""
