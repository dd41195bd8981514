"""The made-up network between two hosts: links, address translators, routers, streams. Pure and seeded."""
