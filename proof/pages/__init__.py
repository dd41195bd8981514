"""Writes pages and tables from the code, or from what was measured: `python -m proof.pages.write_spec`."""
