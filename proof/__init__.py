"""How we know that talkpath is right: its error rates, counted where the truth is known. In a checkout, in no wheel.

`python -m proof score` and `python -m proof locate` play and count; nothing of `src/talkpath` imports this. Read:

    scoring             error rates over many drawn checks (docs/error-rates.md)
    other_methods       what other methods see in the same networks
    paired_calls        how often a call between two phones is told right (docs/paired-rates.md)
    locating            how often the place of a restriction is told right (docs/locate-rates.md)
    app_servers         the same for questions to an app's own servers, and for accompanied calls
    accompanied_calls   calls of a made-up messenger that are listened to, beside control traffic
    relayed_calls       those calls: through relays of its own
    engines             calls of real engines, and what capture says of them (`python -m proof.engines`)
    intervals           spreads, and intervals by resampling
    pages               writes documents from the code, or from what was measured
"""
