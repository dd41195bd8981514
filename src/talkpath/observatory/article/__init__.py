"""The news report of August 2025, sentence by sentence, held against a made-up country."""
