"""Claims: dated statements about calls, and the ledger that holds them against measurements."""
