"""One end of a call in each engine, a program each: `python -m proof.engines.ends.NAME FOLDER caller|callee`."""
