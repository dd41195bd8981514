"""The observatory's web pages, rendered on the server: views are records, templates print them."""
