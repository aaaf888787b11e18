"""Rows: the Parquet file as a table of float32 and text columns, the target, the parts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .job import BadJob

PARTS = ("train", "valid", "test")


@dataclass
class Data:
    x: pd.DataFrame  # float32 columns (NaN: missing) and object columns of str ("": missing)
    y: np.ndarray  # class codes (int64), or float64 for regression
    classes: list  # text per code; empty for regression
    part: np.ndarray  # train, valid or test, per row
    skipped: dict  # column → why it cannot be an input
    unseen: dict  # class → rows left out, since no training row has it

    def rows(self, *parts):
        return np.flatnonzero(np.isin(self.part, parts))


def load(job, jobdir):
    path = Path(jobdir) / job.data
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as e:
        raise BadJob(f"{job.data} cannot be read as Parquet: {e}") from e
    for name in [job.target, job.split, *(c.name for c in job.inputs())]:
        if name not in table.column_names:
            raise BadJob(f"{job.data} lacks the column {name!r}; it has {', '.join(table.column_names)}")
    if job.order in table.column_names:  # several files come in any order
        table = table.sort_by(job.order)
    table = table.filter(pc.is_valid(table[job.target]))
    if table.num_rows == 0:
        raise BadJob(f"target {job.target!r} is NULL in every row: nothing to learn from")
    y, classes = target(job, table[job.target])
    columns, skipped = {}, {}
    for c in job.inputs():
        values, why = column(table[c.name])
        if why:
            skipped[c.name] = why
        else:
            columns[c.name] = values
    part = np.array(table[job.split].to_pylist(), dtype=object)
    data = Data(pd.DataFrame(columns, index=range(table.num_rows)), y, classes, part, skipped, {})
    check(job, data)
    return known_classes(data)


def column(values):
    """One input column: float32, or text; else the reason why it cannot be one."""
    t = values.type
    if pa.types.is_dictionary(t):
        values, t = values.cast(t.value_type), t.value_type
    if pa.types.is_boolean(t):
        values, t = values.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t):
        wide = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        with np.errstate(over="ignore"):
            narrow = wide.astype(np.float32)  # before fit: the ONNX graph sees float32 too
        narrow[~np.isfinite(narrow)] = np.nan
        return narrow, ""
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return pd.Series(np.array([v or "" for v in values.to_pylist()], dtype=object), dtype=object), ""
    if pa.types.is_temporal(t):
        return None, "dates and times are no inputs as they are: derive a number in the view, such as days since the last event, or the month"
    return None, f"values of type {t} cannot be an input"


def target(job, values):
    if job.task == "regression":
        try:
            y = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        except pa.ArrowException as e:
            raise BadJob(f"target {job.target!r} is not a number ({values.type}): regression needs one; use the task multiclass for text") from e
        if not np.isfinite(y).all():
            raise BadJob(f"target {job.target!r} holds NaN or infinite values: clean them first")
        if np.ptp(y) == 0:
            raise BadJob(f"target {job.target!r} has only the value {y[0]:g}: nothing to learn")
        return y, []
    text = np.array([class_text(v) for v in values.to_pylist()], dtype=object)
    classes = sorted(set(text))
    if len(classes) < 2:
        raise BadJob(f"target {job.target!r} has only the class {classes[0]!r}: a model needs rows of at least two classes")
    if job.task == "binary" and len(classes) != 2:
        raise BadJob(f"target {job.target!r} has {len(classes)} classes ({', '.join(classes[:5])}, …): the task binary needs two; use multiclass")
    if len(classes) > 100:
        raise BadJob(f"target {job.target!r} has {len(classes)} classes; at most 100 can be told apart. For a number use the task regression")
    if job.positive and job.positive not in classes:
        raise BadJob(f"positive class {job.positive!r} is not in the target {job.target!r}; it has {', '.join(classes[:10])}")
    return np.searchsorted(np.array(classes, dtype=object), text).astype(np.int64), classes


def class_text(v):
    """A class as text, as SQL's CAST to VARCHAR writes it."""
    if isinstance(v, bool):
        return "true" if v else "false"
    return str(v)


def check(job, data):
    strange = sorted({str(p) for p in set(data.part)} - set(PARTS))
    if strange:
        raise BadJob(f"column {job.split!r} holds {', '.join(strange[:3])}; want train, valid or test")
    for p in PARTS:
        if len(data.rows(p)) == 0:
            raise BadJob(f"no rows in the part {p!r}: the training set is too small to be split")
    if not data.classes:
        return
    have = np.bincount(data.y[data.rows("train")], minlength=len(data.classes))
    if (have > 0).sum() < 2:
        only = data.classes[int(np.argmax(have))]
        raise BadJob(f"all {have.sum()} training rows (the oldest) are of class {only!r} of the target {job.target!r}: use a longer history")


def known_classes(data):
    """data without the rows of classes that no training row has: they cannot be
    learned, nor would their share of the metrics mean anything."""
    have = np.bincount(data.y[data.rows("train")], minlength=len(data.classes)) > 0 if data.classes else np.ones(0, bool)
    if have.all():
        return data
    keep = have[data.y]
    unseen = {c: int((data.y == i).sum()) for i, c in enumerate(data.classes) if not have[i]}
    code = np.cumsum(have) - 1
    x = data.x[keep].reset_index(drop=True)
    return Data(x, code[data.y[keep]], [c for c, h in zip(data.classes, have) if h], data.part[keep], data.skipped, unseen)
