"""Pictures and HTML: inline SVG, tables, one self-contained file."""
