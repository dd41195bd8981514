"""Networks and programs that run for a test: hosts, routers, servers, a whole country."""
