"""Play checks in the lab: from which loss rate on is a restriction of Telegram's calls found?

python smallest_loss.py

Everything happens in virtual time inside this process; nothing is sent.
"""

from __future__ import annotations

import talkpath

RATES = (0.0, 0.005, 0.05, 0.3)
SEEDS = range(2)


def main() -> None:
    """Print a row for each loss rate."""
    print("loss rate  found   measured loss rates, on the way out")
    for rate in RATES:
        rule = f"media.drop,app=telegram,p={rate}" if rate else ()
        results = [talkpath.simulate(rule, apps=["telegram/tgcalls"], seed=seed) for seed in SEEDS]
        verdicts = [verdict for result in results for verdict in result.verdicts]
        found = [verdict for verdict in verdicts if verdict.state == "restricted"]
        estimates = [f"{verdict.figures['calls_lost_up']:.3f}" for verdict in found]
        print(f"{rate:9.3f}  {len(found)} of {len(verdicts)}  {', '.join(estimates)}")


if __name__ == "__main__":
    main()
