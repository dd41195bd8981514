"""A simulated country: one TOML file in; a folder of bundles and taps out, day by day, with the ground truth beside it.

Read `settings` (the TOML file), `calendar` (which rules are in force), `people` (panels and taps), then `play`. Sampled
lines are played through the real engines in virtual time; taps are drawn. Everything is marked simulated: country XX,
AS numbers 64496 to 64511 (RFC 5398), signed by the simulation's own key.
"""
