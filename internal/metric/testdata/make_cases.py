"""Writes cases.json: metrics of scikit-learn on small cases, with the trainer's own definitions.

Run from the repository's root with the trainer's Python:
PYTHONPATH=training/python .cache/venv/bin/python internal/metric/testdata/make_cases.py > internal/metric/testdata/cases.json
"""
import json
import sys

import numpy as np
from forge_trainer import measure

r = np.random.default_rng(7)
cases = []
for n, digits in ((5, 1), (50, 1), (400, 2), (400, 6)):
    for k in (2, 3, 4):
        y = r.integers(0, k, n)
        p = r.random((n, k)) + np.eye(k)[y] * 0.7
        p = np.round(p / p.sum(axis=1, keepdims=True), digits)
        cases.append(("binary" if k == 2 else "multiclass", y, p))
    t = r.normal(size=n)
    cases.append(("regression", t, np.round(t + r.normal(size=n), digits)))
cases.append(("binary", np.zeros(10, int), np.tile([0.4, 0.6], (10, 1))))
cases.append(("multiclass", np.zeros(10, int), np.tile([0.4, 0.6, 0.0], (10, 1))))
cases.append(("binary", np.array([0, 1, 1]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])))
out = []
for task, y, p in cases:
    m = {name: (None if np.isnan(v) else v) for name, v in measure.measure(task, y, p).items()}
    out.append({"task": task, "truth": y.tolist(), "scores": np.asarray(p).ravel().tolist(), "k": 1 if p.ndim == 1 else p.shape[1], "want": m})
json.dump(out, sys.stdout, separators=(",", ":"))
print()
