"""The search: every family once with its starting parameters, then, until the budget is
used up, half of the trials on the best family and half on the others in turn. Within a
family a tree-structured Parzen estimator proposes the parameters."""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from . import measure
from .prepare import prepare

SEARCH_ROWS = 100_000  # training rows at most while searching; the best is refitted on all


@dataclass
class Trial:
    family: object
    params: dict
    score: float  # the run's metric on the validation rows
    metrics: dict
    seconds: float
    out: np.ndarray  # predictions on the validation rows
    error: str = ""


@dataclass
class Member:
    """A fitted model: preprocessing and estimator, with its share in the answer."""

    family: object
    params: dict
    pre: object
    model: object
    weight: float = 1.0


@dataclass
class Space:
    """The rows of a search, preprocessed once per style."""

    data: object
    columns: list
    seed: int
    cache: dict = field(default_factory=dict)

    def matrices(self, style):
        if style not in self.cache:
            train = self.data.rows("train")
            if len(train) > SEARCH_ROWS:
                train = np.sort(np.random.default_rng(self.seed).choice(train, SEARCH_ROWS, replace=False))
            x, y = self.data.x[self.columns], self.data.y
            pre = prepare(style, x.iloc[train], y[train]).fit(x.iloc[train], y[train])
            valid = self.data.rows("valid")
            self.cache[style] = (pre.transform(x.iloc[train]), y[train], pre.transform(x.iloc[valid]), y[valid])
        return self.cache[style]


def search(job, data, columns, families, positive, metric, events):
    """The trials, best first, and those that failed."""
    space, trials, rng = Space(data, columns, job.seed), [], np.random.default_rng(job.seed)
    begin, sign = time.monotonic(), 1 if metric in measure.HIGHER else -1
    lines = {f.name: Line(f, sign, job.seed) for f in families}

    def one(line):
        params = line.propose()
        t = attempt(job, space, line.family, params, positive, metric)
        line.learn(t)
        trials.append(t)
        events.emit("trial", family=t.family.name, params=params, score=t.score, metrics=t.metrics, seconds=round(t.seconds, 3), error=t.error)
        events.progress("search", done=len(trials), total=job.max_trials, unit="trials")

    for line in lines.values():  # each once, whatever the budget: a leaderboard of one family says little
        one(line)
    while job.max_trials == 0 or len(trials) < job.max_trials:
        left = job.budget_s - (time.monotonic() - begin)
        open_ = [line for line in lines.values() if line.open() and line.seconds < left]
        if not open_:
            break
        best = max(open_, key=lambda line: line.best)
        one(best if rng.random() < 0.5 else min(open_, key=lambda line: line.tried))
    good = sorted((t for t in trials if not t.error), key=lambda t: -sign * t.score)
    return good, [t for t in trials if t.error]


class Line:
    """The trials of one family."""

    def __init__(self, family, sign, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.family, self.sign = family, sign
        self.study = optuna.create_study(direction="maximize" if sign > 0 else "minimize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4))
        self.study.enqueue_trial(family.start)
        self.tried, self.failed, self.best, self.seconds = 0, 0, -np.inf, 0.0

    def open(self):
        """Whether more trials may be worth their time."""
        return self.failed < 2 and (self.family.most == 0 or self.tried < self.family.most)

    def propose(self):
        self.asked = self.study.ask()
        return self.family.space(self.asked)

    def learn(self, t):
        import optuna

        self.tried += 1
        self.seconds = max(t.seconds, 0.7 * self.seconds)  # what the next may take
        if t.error:
            self.failed += 1
            self.study.tell(self.asked, state=optuna.trial.TrialState.FAIL)
            return
        self.study.tell(self.asked, t.score)
        self.best = max(self.best, self.sign * t.score)


def attempt(job, space, family, params, positive, metric):
    start = time.monotonic()
    try:
        x, y, xv, yv = space.matrices(family.style)
        model = family.make(params, job.task, job.seed, job.threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
            out = answers(model, xv, job.task)
        metrics = measure.measure(job.task, yv, out, positive)
        if not np.isfinite(metrics[metric]):
            raise ValueError(f"{metric} is not defined on the validation rows")
        return Trial(family, params, metrics[metric], metrics, time.monotonic() - start, out)
    except Exception as e:  # one family's failure must not end the others
        return Trial(family, params, float("nan"), {}, time.monotonic() - start, np.zeros(0), f"{type(e).__name__}: {e}"[:300])


def answers(model, x, task):
    return np.asarray(model.predict(x), dtype=np.float64) if task == "regression" else np.asarray(model.predict_proba(x))


def refit(job, data, columns, trial, weight, parts=("train", "valid")):
    """The trial's model on all rows of the parts."""
    rows = data.rows(*parts)
    x, y = data.x[columns].iloc[rows], data.y[rows]
    pre = prepare(trial.family.style, x, y)
    model = trial.family.make(trial.params, job.task, job.seed, job.threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(pre.fit_transform(x, y), y)
    return Member(trial.family, trial.params, pre, model, weight)


def predict(members, x, task):
    """The weighted answer of the members on raw rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sum(b.weight * answers(b.model, b.pre.transform(x), task) for b in members)
