"""job.json: what is asked for."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

from . import FORMAT


class BadJob(Exception):
    """The job or its data is wrong. The text is for the user."""


@dataclass
class Column:
    name: str
    type: str = "double"  # as the lake spells it: long, double, boolean, string, …
    role: str = "feature"  # feature, kept, key, time, label
    view: str = ""  # the feature view it comes from; empty for a column of the labels
    version: int = 0
    feature: str = ""
    tags: list = field(default_factory=list)  # "leakage": known only after the event


@dataclass
class Job:
    format: int
    target: str
    task: str  # binary, multiclass, regression
    columns: list
    run: str = ""
    model: str = ""
    data: str = "data.parquet"  # a file, or a folder of files, below the job directory
    order: str = "__row"  # column with the rows' order, if the data has it
    split: str = "__split"  # column with train, valid or test, fixed by the caller
    metric: str = ""  # what the leaderboard ranks by; by task when empty
    positive: str = ""  # the class that counts as yes; the rarer when empty
    budget_s: float = 60.0  # wall clock of the search
    max_trials: int = 0  # 0: as many as fit into the budget
    seed: int = 0
    families: list = field(default_factory=list)  # all when empty
    keep: list = field(default_factory=list)  # columns to use although they look like leakage
    drop: list = field(default_factory=list)  # columns to leave out
    threads: int = 1
    created: str = ""  # RFC 3339, written into the package
    training_set: dict = field(default_factory=dict)  # id, table, snapshot

    def inputs(self):
        """Columns that may become inputs of the model."""
        return [c for c in self.columns if c.role in ("feature", "kept") and c.name != self.target]


TASKS = ("binary", "multiclass", "regression")


def read(jobdir):
    """Reads and checks jobdir/job.json."""
    path = Path(jobdir) / "job.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise BadJob(f"job.json cannot be read: {e.strerror}") from e
    except ValueError as e:
        raise BadJob(f"job.json is not JSON: {e}") from e
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise BadJob(f"job.json has format {raw.get('format') if isinstance(raw, dict) else None!r}; this trainer reads {FORMAT}")
    known = {f.name for f in fields(Job)}
    missing = [n for n in ("target", "task", "columns") if n not in raw]
    if missing:
        raise BadJob(f"job.json lacks {', '.join(missing)}")
    job = Job(**{k: v for k, v in raw.items() if k in known and v is not None})
    names = {f.name for f in fields(Column)}
    job.columns = [Column(**{k: v for k, v in c.items() if k in names and v is not None}) for c in job.columns]
    check(job)
    return job


def check(job):
    if job.task not in TASKS:
        raise BadJob(f"task {job.task!r} is not known; want one of {', '.join(TASKS)}")
    names = [c.name for c in job.columns]
    if job.target not in names:
        raise BadJob(f"target column {job.target!r} is not in the training set; it has {', '.join(names)}")
    for what, wanted in (("keep", job.keep), ("drop", job.drop)):
        for name in wanted:
            if name not in names:
                raise BadJob(f"{what}: column {name!r} is not in the training set; it has {', '.join(names)}")
    if job.budget_s <= 0:
        raise BadJob(f"budget of {job.budget_s} s is too short; give at least a second")
