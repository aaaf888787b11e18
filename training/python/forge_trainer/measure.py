"""Metrics, the baseline, and the curves that are drawn of a model."""

import warnings

import numpy as np
from sklearn import metrics as m

from .job import BadJob

HIGHER = {"roc_auc", "pr_auc", "accuracy", "f1", "precision", "recall", "f1_macro", "r2"}
BY_TASK = {
    "binary": ["roc_auc", "pr_auc", "log_loss", "brier", "accuracy", "f1", "precision", "recall"],
    "multiclass": ["log_loss", "accuracy", "f1_macro", "roc_auc"],
    "regression": ["rmse", "mae", "r2"],
}
POINTS = 101  # of a curve


def metric_of(job):
    name = job.metric or BY_TASK[job.task][0]
    if name not in BY_TASK[job.task]:
        raise BadJob(f"metric {name!r} is not there for the task {job.task}; there are {', '.join(BY_TASK[job.task])}")
    return name


def better(metric, a, b):
    return a > b if metric in HIGHER else a < b


def measure(task, y, out, positive=1):
    """All metrics of a task; NaN where they are not defined, such as ROC AUC of rows
    of one class. out is [N,K] probabilities, or [N] values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "regression":
            return {"rmse": float(np.sqrt(np.mean((y - out) ** 2))), "mae": float(np.mean(np.abs(y - out))), "r2": float(m.r2_score(y, out)) if len(y) > 1 else np.nan}
        k = out.shape[1]
        label = out.argmax(axis=1)
        common = {"log_loss": float(m.log_loss(y, safe(out), labels=range(k))), "accuracy": float((label == y).mean())}
        if task == "multiclass":
            return common | {"f1_macro": float(m.f1_score(y, label, average="macro", zero_division=0)), "roc_auc": auc_of_many(y, out)}
        yes, p = y == positive, out[:, positive]
        both = 0 < yes.sum() < len(yes)
        return common | {
            "roc_auc": float(m.roc_auc_score(yes, p)) if both else np.nan,
            "pr_auc": float(m.average_precision_score(yes, p)) if yes.any() else np.nan,
            "brier": float(np.mean((p - yes) ** 2)),
            "f1": float(m.f1_score(yes, label == positive, zero_division=0)),
            "precision": float(m.precision_score(yes, label == positive, zero_division=0)),
            "recall": float(m.recall_score(yes, label == positive, zero_division=0)),
        }


def auc_of_many(y, out):
    """Mean of the one-against-rest areas, of the classes that occur."""
    areas = [m.roc_auc_score(y == k, out[:, k]) for k in range(out.shape[1]) if 0 < (y == k).sum() < len(y)]
    return float(np.mean(areas)) if areas else np.nan


def safe(p):
    p = np.clip(p.astype(np.float64), 1e-7, 1.0)
    return p / p.sum(axis=1, keepdims=True)


def baseline(task, y_seen, y, k, positive=1):
    """Metrics of always answering the class shares (or the mean) of the rows seen."""
    if task == "regression":
        return measure(task, y, np.full(len(y), y_seen.mean()))
    share = np.bincount(y_seen, minlength=k) / len(y_seen)
    return measure(task, y, np.tile(share, (len(y), 1)), positive)


def curves(task, y, out, classes, positive=1):
    """What can be drawn: lists of points [x, y]."""
    if task == "regression":
        return regression_curves(y, out)
    table = m.confusion_matrix(y, out.argmax(axis=1), labels=range(len(classes)))
    drawn = {"confusion": {"classes": list(classes), "rows": table.tolist()}}
    if task == "multiclass":
        return drawn
    yes, p = y == positive, out[:, positive].astype(np.float64)
    if 0 < yes.sum() < len(yes):
        fpr, tpr, _ = m.roc_curve(yes, p)
        drawn["roc"] = thin(fpr, tpr)
        precision, recall, _ = m.precision_recall_curve(yes, p)
        drawn["pr"] = thin(recall[::-1], precision[::-1])
    drawn["calibration"] = calibration(yes, p)
    return drawn


def calibration(yes, p):
    """Ten bins of equally many rows: mean score, share of yes, rows."""
    order = np.argsort(p, kind="stable")
    bins = [b for b in np.array_split(order, min(10, len(p))) if len(b)]
    return [{"score": float(p[b].mean()), "share": float(yes[b].mean()), "rows": len(b)} for b in bins]


def regression_curves(y, out):
    pick = np.linspace(0, len(y) - 1, min(400, len(y))).astype(int)
    counts, edges = np.histogram(y - out, bins=20)
    return {
        "predicted": [[float(y[i]), float(out[i])] for i in pick],
        "residuals": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def thin(x, y):
    """At most POINTS points of a curve, ends included."""
    pick = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int))
    return [[round(float(x[i]), 5), round(float(y[i]), 5)] for i in pick]


def importance(predict, x, y, task, metric, positive, seed, rows=2000, repeats=3):
    """How much the metric falls when one column's values are shuffled, greatest first."""
    rng = np.random.default_rng(seed)
    pick = np.sort(rng.choice(len(y), min(rows, len(y)), replace=False))
    x, y = x.iloc[pick].reset_index(drop=True), y[pick]
    sign = 1 if metric in HIGHER else -1
    whole = measure(task, y, predict(x), positive)[metric]
    found = []
    for c in x:
        falls = []
        for _ in range(repeats):
            mixed = x.copy()
            mixed[c] = x[c].to_numpy()[rng.permutation(len(x))]
            falls.append(sign * (whole - measure(task, y, predict(mixed), positive)[metric]))
        found.append({"column": c, "drop": float(np.mean(falls))})
    return sorted(found, key=lambda f: -np.nan_to_num(f["drop"]))
