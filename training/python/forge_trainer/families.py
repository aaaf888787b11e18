"""Model families: what each takes, what is searched, and where the search begins.

Tree sizes are bounded: a model must answer in microseconds and load in milliseconds.
"""

from dataclasses import dataclass
from typing import Callable

from .job import BadJob
from .prepare import FOREST, LINEAR, NATIVE


@dataclass
class Family:
    name: str
    tasks: tuple
    style: str  # of its preprocessing
    start: dict  # the first parameters tried
    space: Callable  # optuna trial → parameters
    make: Callable  # (parameters, task, seed, threads) → estimator
    most: int = 0  # trials at most; 0: no limit. One parameter is soon known


CLASSES, NUMBER = ("binary", "multiclass"), ("regression",)


def logistic(p, task, seed, threads):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=p["C"], max_iter=500)


def ridge(p, task, seed, threads):
    from sklearn.linear_model import Ridge

    return Ridge(alpha=p["alpha"])


def forest(kind):
    def make(p, task, seed, threads):
        from sklearn import ensemble

        cls = getattr(ensemble, kind + ("Regressor" if task == "regression" else "Classifier"))
        return cls(
            n_estimators=p["trees"], max_leaf_nodes=p["leaves"], min_samples_leaf=p["min_rows"],
            max_features=p["features"], random_state=seed, n_jobs=threads,
        )

    return make


def hist(p, task, seed, threads):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    cls = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return cls(
        max_iter=p["trees"], learning_rate=p["rate"], max_leaf_nodes=p["leaves"], min_samples_leaf=p["min_rows"],
        l2_regularization=p["l2"], early_stopping=False, random_state=seed,
    )


def lightgbm(p, task, seed, threads):
    from lightgbm import LGBMClassifier, LGBMRegressor

    cls = LGBMRegressor if task == "regression" else LGBMClassifier
    return cls(
        n_estimators=p["trees"], learning_rate=p["rate"], num_leaves=p["leaves"], min_child_samples=p["min_rows"],
        reg_lambda=p["l2"], colsample_bytree=p["columns"], subsample=p["rows"], subsample_freq=1,
        random_state=seed, n_jobs=threads, deterministic=True, force_row_wise=True, verbose=-1,
    )


def boosted_space(t):
    return {
        "trees": t.suggest_int("trees", 30, 400, log=True),
        "rate": t.suggest_float("rate", 0.01, 0.3, log=True),
        "leaves": t.suggest_int("leaves", 4, 63, log=True),
        "min_rows": t.suggest_int("min_rows", 5, 200, log=True),
        "l2": t.suggest_float("l2", 1e-3, 30.0, log=True),
    }


def lightgbm_space(t):
    return boosted_space(t) | {"columns": t.suggest_float("columns", 0.4, 1.0), "rows": t.suggest_float("rows", 0.5, 1.0)}


def forest_space(t):
    return {
        "trees": t.suggest_int("trees", 40, 120, log=True),
        "leaves": t.suggest_int("leaves", 16, 256, log=True),
        "min_rows": t.suggest_int("min_rows", 2, 50, log=True),
        "features": t.suggest_float("features", 0.1, 0.9),
    }


BOOSTED = {"trees": 100, "rate": 0.08, "leaves": 15, "min_rows": 20, "l2": 1.0}
FORESTS = {"trees": 80, "leaves": 128, "min_rows": 5, "features": 0.4}

ALL = [
    Family("logistic_regression", CLASSES, LINEAR, {"C": 0.5}, lambda t: {"C": t.suggest_float("C", 1e-3, 30.0, log=True)}, logistic, 12),
    Family("ridge", NUMBER, LINEAR, {"alpha": 1.0}, lambda t: {"alpha": t.suggest_float("alpha", 1e-3, 1e3, log=True)}, ridge, 12),
    Family("lightgbm", CLASSES + NUMBER, NATIVE, BOOSTED | {"columns": 0.8, "rows": 0.9}, lightgbm_space, lightgbm),
    Family("hist_gradient_boosting", CLASSES + NUMBER, NATIVE, BOOSTED, boosted_space, hist),
    Family("random_forest", CLASSES + NUMBER, FOREST, FORESTS, forest_space, forest("RandomForest")),
    Family("extra_trees", CLASSES + NUMBER, FOREST, FORESTS | {"features": 0.6}, forest_space, forest("ExtraTrees")),
]


def choose(task, wanted):
    """The families of a task; the wanted ones, if any are named."""
    fit = [f for f in ALL if task in f.tasks]
    names = [f.name for f in fit]
    for w in wanted:
        if w not in names:
            raise BadJob(f"model family {w!r} is not there for the task {task}; there are {', '.join(names)}")
    return [f for f in fit if not wanted or f.name in wanted]
