"""A country in a box: one TOML file in, a folder of bundles and taps out, day by day, and the truth apart.

Sampled lines are played through the real engines in virtual time; what people tap is drawn. Everything is marked
simulated: country XX, AS numbers 64496 to 64511 (RFC 5398), signed by the simulation's own key.
"""
