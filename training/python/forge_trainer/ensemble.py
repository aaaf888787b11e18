"""A weighted mean of a few trials, picked greedily with replacement on the validation
rows (Caruana et al., Ensemble selection from libraries of models, 2004)."""

from collections import Counter

import numpy as np

from . import measure

CANDIDATES, ROUNDS, MEMBERS = 12, 12, 4
GAIN = 0.002  # what a mean must win over the best alone to be worth its size, relative


def pick(trials, y, task, metric, positive):
    """[(trial, weight)] and their metrics, or None when no mean beats the best trial."""
    pool = trials[:CANDIDATES]
    if len(pool) < 2:
        return None
    chosen, total, best = Counter({0: 1}), pool[0].out.copy(), pool[0].score
    for n in range(1, ROUNDS):
        scores = [measure.measure(task, y, (total + t.out) / (n + 1), positive)[metric] if len(chosen) < MEMBERS or i in chosen else np.nan for i, t in enumerate(pool)]
        ok = [i for i, s in enumerate(scores) if np.isfinite(s)]
        i = max(ok, key=lambda i: scores[i] if metric in measure.HIGHER else -scores[i])
        if not measure.better(metric, scores[i], best):
            break
        chosen[i] += 1
        total, best = total + pool[i].out, scores[i]
    if len(chosen) < 2 or abs(best - pool[0].score) < GAIN * abs(pool[0].score):
        return None
    weights = [(pool[i], c / chosen.total()) for i, c in sorted(chosen.items())]
    return weights, measure.measure(task, y, sum(w * t.out for t, w in weights), positive)
