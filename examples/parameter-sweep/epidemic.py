#!/usr/bin/env python3
"""How an infection runs through a town: a chain of chance, day by day, many times over.

    epidemic.py CONTACTS DAYS [RUNS]

Everybody who is sick infects CONTACTS others a day, were they all susceptible, and is sick for DAYS days on
average. Prints one line: contacts, days, and as means over all runs that did not die out at once the share of
the town that was ever sick, the worst day, and the share that was sick on it. The same words give the same line.
"""

import random
import sys

people = 2000
sick_at_first = 5


def run(contacts, days, chance):
    """One town. Answers with the shares ever sick and at worst, and the worst day."""
    susceptible, sick, day = people - sick_at_first, sick_at_first, 0
    worst, worst_day = sick, 0
    while sick > 0:
        day += 1
        risk = 1 - (1 - contacts / people) ** sick
        infected = sum(chance.random() < risk for _ in range(susceptible))
        recovered = sum(chance.random() < 1 / days for _ in range(sick))
        susceptible, sick = susceptible - infected, sick + infected - recovered
        if sick > worst:
            worst, worst_day = sick, day
    return 1 - susceptible / people, worst / people, worst_day


def main(contacts, days, runs=8):
    contacts, days, runs = float(contacts), float(days), int(runs)
    towns = [run(contacts, days, random.Random(f"{contacts} {days} {seed}")) for seed in range(runs)]
    ever, worst, worst_day = (sum(column) / runs for column in zip(*towns))
    print(f"{contacts},{days},{ever:.4f},{worst_day:.1f},{worst:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
