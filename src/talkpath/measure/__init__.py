"""Facts: what was sent, when, and what arrived, when. Facts never judge."""
