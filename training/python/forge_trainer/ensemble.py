"""A weighted mean of a few trials, picked greedily with replacement on the validation
rows (Caruana et al., Ensemble selection from libraries of models, 2004). It must earn
its place: what it wins must be won on both the older and the newer half of the rows,
and each member must be good by itself. Under drift a poor model that happens to err in
the other direction looks useful on the validation rows, and is not afterwards."""

from collections import Counter

import numpy as np

from . import measure

CANDIDATES, ROUNDS, MEMBERS = 12, 12, 4
GOOD = 0.75  # share of the best trial's gain over no model that a member needs
GAIN = 0.002  # what a mean must win over the best alone to be worth its size, relative


def pick(trials, y, task, metric, positive, base):
    """[(trial, weight)] and their metrics, or None when no mean beats the best trial.
    base is the metric without a model."""
    pool = [t for t in trials if (t.score - base) / (trials[0].score - base or 1) >= GOOD][:CANDIDATES]
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
    out = sum(w * t.out for t, w in weights)
    for half in np.array_split(np.arange(len(y)), 2):
        mean, alone = (measure.measure(task, y[half], o[half], positive)[metric] for o in (out, pool[0].out))
        if not measure.better(metric, mean, alone):  # also where the metric is not defined
            return None
    return weights, measure.measure(task, y, out, positive)
