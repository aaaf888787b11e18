"""Job directories for the tests."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent.parent


def jobdir(rows, target, task, **more):
    """A job directory with the rows; their last fifth is the test part."""
    folder = Path(tempfile.mkdtemp(prefix="forge-trainer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    n = len(rows)
    rows = rows.assign(__split=np.where(np.arange(n) < 0.6 * n, "train", np.where(np.arange(n) < 0.8 * n, "valid", "test")))
    rows.to_parquet(folder / "data.parquet")
    roles = more.pop("roles", {})
    columns = [{"name": c, "role": roles.get(c, "label" if c == target else "feature"), "view": "v", "version": 2, "feature": c} for c in rows if c != "__split"]
    job = dict(format=1, run="run_1", model="m", task=task, target=target, columns=columns, budget_s=0.1, seed=3, threads=1, created="2026-01-01T00:00:00Z", training_set=dict(id="ts_1", table="training.t", snapshot="7"))
    (folder / "job.json").write_text(json.dumps(job | more))
    return folder


def run(folder):
    """(exit code, events) of a trainer process on the folder."""
    p = subprocess.run([sys.executable, "-m", "forge_trainer", str(folder)], env=os.environ | {"PYTHONPATH": str(HERE)}, capture_output=True, text=True)
    path = folder / "events.jsonl"
    return p.returncode, [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def mixed(n, seed=0):
    """Columns of every kind, with gaps, and what a target can be made from."""
    r = np.random.default_rng(seed)
    x = pd.DataFrame({
        "a.b": r.normal(size=n), "value": r.normal(size=n) * 1e3 + 5e5, "gap": np.where(r.random(n) < 0.3, np.nan, r.normal(size=n)),
        "flag": r.random(n) < 0.5, "city": r.choice(["rome", "oslo", "лима", None], n), "count": r.integers(0, 9, n),
    })
    signal = x["a.b"] + 0.002 * (x["value"] - 5e5) + x["gap"].isna() + (x["city"] == "rome") + 0.3 * r.normal(size=n)
    return x, signal
