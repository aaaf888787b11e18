"""The search: every family once with its starting parameters, then the most promising
by a tree-structured Parzen estimator until the budget is used up."""

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
    """The trials, best first; those that failed last."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space, trials, took = Space(data, columns, job.seed), [], {}
    begin = time.monotonic()
    study = optuna.create_study(direction="maximize" if metric in measure.HIGHER else "minimize", sampler=optuna.samplers.TPESampler(seed=job.seed, n_startup_trials=8 + len(families)))
    names = [f.name for f in families]
    by_name = {f.name: f for f in families}

    def one(family, params):
        start = time.monotonic()
        t = attempt(job, space, family, params, positive, metric)
        t.seconds = time.monotonic() - start
        took[family.name] = max(t.seconds, took.get(family.name, 0) * 0.7)
        trials.append(t)
        events.emit("trial", family=family.name, params=params, score=t.score, metrics=t.metrics, seconds=round(t.seconds, 3), error=t.error)
        events.progress("search", done=len(trials), total=job.max_trials, unit="trials")
        return t

    for f in families:  # each once, whatever the budget: a leaderboard of one family says little
        t = one(f, dict(f.start))
        if not t.error:
            study.add_trial(optuna.trial.create_trial(params={"family": f.name, **prefixed(f)}, distributions={"family": optuna.distributions.CategoricalDistribution(names), **distributions(f)}, value=t.score))
    while time.monotonic() - begin < job.budget_s and (job.max_trials == 0 or len(trials) < job.max_trials):
        asked = study.ask()
        f = by_name[asked.suggest_categorical("family", names)]
        params = f.space(Named(asked, f.name))
        if time.monotonic() - begin + took[f.name] > job.budget_s:
            break
        t = one(f, params)
        study.tell(asked, None if t.error else t.score, state=optuna.trial.TrialState.FAIL if t.error else None)
    bad = [t for t in trials if t.error]
    good = sorted((t for t in trials if not t.error), key=lambda t: -t.score if metric in measure.HIGHER else t.score)
    return good, bad


def attempt(job, space, family, params, positive, metric):
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
        return Trial(family, params, metrics[metric], metrics, 0, out)
    except Exception as e:  # one family's failure must not end the others
        return Trial(family, params, float("nan"), {}, 0, np.zeros(0), f"{type(e).__name__}: {e}"[:300])


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


class Named:
    """An optuna trial whose parameter names carry their family."""

    def __init__(self, trial, family):
        self.trial, self.family = trial, family

    def suggest_int(self, name, low, high, log=False):
        return self.trial.suggest_int(f"{self.family}.{name}", low, high, log=log)

    def suggest_float(self, name, low, high, log=False):
        return self.trial.suggest_float(f"{self.family}.{name}", low, high, log=log)


class Collect:
    """Reads a family's space instead of sampling from it."""

    def __init__(self):
        self.found = {}

    def suggest_int(self, name, low, high, log=False):
        import optuna

        self.found[name] = optuna.distributions.IntDistribution(low, high, log=log)
        return low

    def suggest_float(self, name, low, high, log=False):
        import optuna

        self.found[name] = optuna.distributions.FloatDistribution(low, high, log=log)
        return low


def distributions(family):
    c = Collect()
    family.space(c)
    return {f"{family.name}.{k}": v for k, v in c.found.items()}


def prefixed(family):
    return {f"{family.name}.{k}": v for k, v in family.start.items()}
