"""The recipe for tables, top to bottom."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from . import data as rows_of
from . import ensemble, families, measure, package, screen
from .export import Refused, check, convert
from .job import BadJob
from .search import predict, refit, search


SMALL = 300_000  # cells


def run(job, jobdir, events):
    # What is asked for, checked before any work.
    metric = measure.metric_of(job)
    kinds = families.choose(job.task, job.families)

    events.progress("load")
    data = rows_of.load(job, jobdir)
    if data.x.size < SMALL:  # threads would cost more than they save
        job.threads = 1
    with threadpool_limits(job.threads):
        learn(job, jobdir, data, kinds, metric, events)


def learn(job, jobdir, data, kinds, metric, events):
    warnings = []

    def warn(text, **more):
        warnings.append(text)
        events.warning(text, **more)

    for c, n in data.unseen.items():
        warn(f"class {c!r} occurs in no training row: its {n} later rows are left out")
    positive = positive_class(job, data)

    events.progress("screen")
    columns, left_out, leaks = choose_columns(job, data, events, warn)

    metric = defined(metric, job, data, positive, warn)
    events.progress("search", unit="trials")
    good, bad = search(job, data, columns, kinds, positive, metric, events)
    if not good:
        raise BadJob("no model family could be fitted: " + "; ".join(f"{t.family.name}: {t.error}" for t in bad))

    events.progress("check")
    best, members, model, worst, refused = first_sound(job, data, columns, good, positive, metric, events)

    events.progress("measure")
    test, seen = data.rows("test"), data.rows("train", "valid")
    x, y = data.x[columns].iloc[test].reset_index(drop=True), data.y[test]
    out = predict(members, x, job.task)
    metrics = measure.measure(job.task, y, out, positive)
    for name, value in metrics.items():
        events.emit("metric", name=name, value=value, part="test")
    base = measure.baseline(job.task, data.y[seen], y, max(1, len(data.classes)), positive)
    weak(metrics, base, metric, warn)
    curves = measure.curves(job.task, y, out, data.classes, positive)
    curves["importance"] = measure.importance(lambda r: predict(members, r, job.task), x, y, job.task, drawn(metric, metrics), positive, job.seed)

    events.progress("package")
    found = dict(best=best, members=members, positive=positive, metrics=metrics, baseline=base, curves=curves, left_out=left_out, warnings=warnings)
    package.write(Path(jobdir) / "package", job, data, columns, model, found, worst)
    events.emit(
        "result", package="package", best=best, task=job.task, metric=metric, metrics=metrics, baseline=base, curves=curves,
        rows={p: len(data.rows(p)) for p in rows_of.PARTS}, classes=data.classes, positive=data.classes[positive] if job.task == "binary" else "",
        inputs=columns, left_out=left_out, leakage=[vars(l) for l in leaks], refused=refused, warnings=warnings, difference=worst,
    )


def positive_class(job, data):
    """The code of the class that counts as yes: the one named, else the rarer."""
    if job.task != "binary":
        return 0
    if job.positive:
        return data.classes.index(job.positive)
    counts = np.bincount(data.y[data.rows("train", "valid")], minlength=2)
    return 0 if counts[0] < counts[1] else 1


def choose_columns(job, data, events, warn):
    """Columns to learn from; why others were left out; the leaks among them."""
    left_out = {c: "asked to be left out" for c in job.drop} | dict(data.skipped)
    train = data.rows("train")
    x = data.x[[c for c in data.x if c not in left_out]].iloc[train]
    left_out |= screen.useless(x)
    x = x[[c for c in x if c not in left_out]]
    found, strong = screen.leaks(x, data.y[train], job.task, {c.name: c.tags for c in job.columns}, job.seed)
    leaks = []
    for leak in found:
        if leak.column in job.keep:
            warn(f"column {leak.column!r} looks like leakage ({leak.reason}; {leak.score:.2f} by itself) and is used since you asked to keep it", column=leak.column)
            continue
        leaks.append(leak)
        left_out[leak.column] = "leakage: " + leak.reason
        events.emit("leakage", **vars(leak))
    for leak in strong:
        if leak.column not in job.keep:
            warn(f"column {leak.column!r} {leak.reason}: make sure that it is known when a prediction is asked for", column=leak.column)
    for c, why in left_out.items():
        events.log(f"column {c!r} is left out: {why}", column=c)
    columns = [c for c in data.x if c not in left_out]
    if not columns:
        raise BadJob("no column is left to learn from: " + "; ".join(f"{c}: {why}" for c, why in left_out.items()))
    return columns, left_out, leaks


def defined(metric, job, data, positive, warn):
    """The metric to rank by: another one where the asked one says nothing."""
    y = data.y[data.rows("valid")]
    if job.task == "binary" and metric in ("roc_auc", "pr_auc", "f1", "recall", "precision") and len(set(y)) < 2:
        warn(f"{metric} is not defined: all {len(y)} validation rows are of one class. The leaderboard ranks by log_loss instead")
        return "log_loss"
    if metric == "roc_auc" and len(set(y)) < 2 or metric == "r2" and len(y) < 2:
        return "rmse" if job.task == "regression" else "log_loss"
    return metric


def first_sound(job, data, columns, good, positive, metric, events):
    """The best model whose graph says what the model says: (name, members, graph,
    greatest difference, refused)."""
    plans = []
    y = data.y[data.rows("valid")]
    base = measure.baseline(job.task, data.y[data.rows("train")], y, max(1, len(data.classes)), positive)[metric]
    mean = ensemble.pick(good, y, job.task, metric, positive, base)
    if mean:
        picks, metrics = mean
        params = {"members": [{"family": t.family.name, "weight": round(w, 4), **t.params} for t, w in picks]}
        events.emit("trial", family="ensemble", params=params, score=metrics[metric], metrics=metrics, seconds=0, error="")
        plans.append(("ensemble", picks))
    seen = set()
    for t in good:  # the best of each family
        if t.family.name not in seen:
            seen.add(t.family.name)
            plans.append((t.family.name, [(t, 1.0)]))
    refused, x = {}, data.x[columns]
    for name, picks in plans:
        if any(t.family.name in refused for t, _ in picks):
            continue
        try:
            members = [refit(job, data, columns, t, w) for t, w in picks]
            model = convert(members, x, job.task, data.classes)
            return name, members, model, check(model, members, x, job.task, data.classes, job.seed), refused
        except Refused as e:
            refused[name] = str(e)
        except Exception as e:  # a converter that breaks: the next family may not
            refused[name] = f"cannot be written as ONNX: {type(e).__name__}: {e}"[:300]
        events.warning(f"{name} is refused: {refused[name]}")
        events.emit("refused", family=name, error=refused[name])
    raise BadJob("no model could be written as ONNX: " + "; ".join(f"{k}: {v}" for k, v in refused.items()))


def weak(metrics, base, metric, warn):
    """Says so when the model is hardly better than none on rows it has not seen."""
    if metric == "roc_auc" and np.isfinite(metrics["roc_auc"]) and metrics["roc_auc"] < 0.6:
        warn(f"weak: ROC AUC is {metrics['roc_auc']:.2f} on unseen rows, where 0.5 is chance. The newest rows may differ from the older ones")
    for name in ("log_loss", "rmse"):
        if name in metrics and not metrics[name] < base[name]:
            warn(f"weak: {name} is {metrics[name]:.4g} on unseen rows, no better than {base[name]:.4g} without a model")


def drawn(metric, metrics):
    """The metric for the importance: the run's, if the test rows define it."""
    return metric if np.isfinite(metrics[metric]) else ("log_loss" if "log_loss" in metrics else "rmse")
