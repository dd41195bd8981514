"""Checks that were never made on a network: facts, epochs, flows, verdicts and bundles."""
