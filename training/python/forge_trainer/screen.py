"""Which columns may become inputs: not the constant ones, not ids, and not those that
know the answer (leakage)."""

import re
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

SAMPLE = 20_000  # rows that the screen looks at
FOLDS = 4

# Words in a column's name that say it is known only once the event is over …
AFTER = set(
    "duration outcome result results end ended ending close closed closing final finish finished resolution resolved "
    "completed completion cancelled canceled cancellation churned refund refunded returned chargeback settled "
    "settlement discharged discharge writeoff after post".split()
)
# … unless another word says that it is about an earlier one.
BEFORE = set("previous prev prior past last earlier former history avg mean".split())

NAMED = 0.3  # power from which a telling name counts: ROC AUC 0.65 …
NAMED_SHARE = 0.7  # … if it also is this share of what all other columns reach together
PERFECT = 0.96  # power from which a column alone is too good to be true: ROC AUC 0.98 …
HONEST = 0.9  # … if all other columns together stay below: ROC AUC 0.95
STRONG = 0.5  # power from which a column is worth a warning: ROC AUC 0.75
AHEAD = 0.1  # by how much it must then beat all other columns together


@dataclass
class Leak:
    column: str
    score: float  # ROC AUC (R² for regression) of the column alone
    reason: str


def useless(x):
    """Column → why nothing can be learned from it; x are the training rows."""
    why = {}
    for name in x:
        v = x[name]
        present = v[v != ""] if v.dtype == object else v.dropna()
        if len(present) == 0:
            why[name] = "all values are missing in the training rows"
        elif present.nunique() == 1 and len(present) == len(v):
            why[name] = f"always {present.iloc[0]} in the training rows"
        elif v.dtype == object and len(present) > 20 and present.nunique() > 0.9 * len(present):
            why[name] = "text that differs in almost every row (an id, or free text): nothing repeats that could be learned"
        elif is_id(name, present):
            why[name] = "a whole number of its own in every row, and by its name an id"
    return why


def is_id(name, v):
    words = words_of(name)
    return (
        v.dtype != object and len(v) > 20 and v.nunique() == len(v) and bool((v == np.round(v)).all())
        and bool({"id", "no", "nr", "key", "number", "index"} & set(words))
    )


def leaks(x, y, task, tags, seed):
    """Leaks to leave out, and columns worth a warning; x and y are the training rows.

    A column's power is 2·AUC − 1 of a shallow tree on it alone, on rows the tree has
    not seen (R² for regression). It is a leak if it is tagged so; if its name says
    that it is known only afterwards and its power is close to that of all other columns
    together; or if it alone is almost perfect and all others together are not: strong
    columns that back each other up are no leak. Less is worth a warning.
    """
    rows = sample(y, seed)
    x, y = x.iloc[rows].reset_index(drop=True), y[rows]
    power = {c: power_of(codes(x[[c]]), y, task, tree(task)) for c in x}
    found = [Leak(c, score(power[c], task), "tagged as leakage") for c in x if "leakage" in tags.get(c, ())]
    named, warn = by_name(x, y, task, power, {f.column for f in found}, seed)
    found += named
    more, strong = by_strength(x, y, task, power, {f.column for f in found}, seed)
    return found + more, warn + strong


def by_name(x, y, task, power, gone, seed):
    words = {c: next((w for w in words_of(c) if w in AFTER), "") for c in x if not BEFORE & set(words_of(c))}
    telling = [c for c, w in words.items() if w and c not in gone and power[c] >= NAMED]
    if not telling:
        return [], []
    rest = [c for c in x if c not in gone and c not in telling]
    together = power_of(codes(x[rest]), y, task, boosted(task, seed)) if rest else 0.0
    found, warn = [], []
    for c in telling:
        if power[c] >= NAMED_SHARE * together:
            found.append(Leak(c, score(power[c], task), f"its name says that it is known only after the event ({words[c]!r}), and by itself it predicts as well as columns that are known before ({score(together, task):.2f} together)"))
        else:
            warn.append(Leak(c, score(power[c], task), f"may be known only after the event, by its name ({words[c]!r})"))
    return found, warn


def by_strength(x, y, task, power, gone, seed):
    strong = sorted((c for c in x if c not in gone and power[c] >= STRONG), key=lambda c: -power[c])[:5]
    warn = []
    # The first k strong ones against all the rest, for k = 1, 2, …: two leaks hide each other.
    for k in range(1, len(strong) + 1):
        rest = [c for c in x if c not in gone and c not in strong[:k]]
        together = power_of(codes(x[rest]), y, task, boosted(task, seed)) if rest else 0.0
        weakest = power[strong[k - 1]]
        if weakest >= PERFECT and together < HONEST and 1 - together > 5 * (1 - weakest):
            text = f"almost perfect by itself, while all other columns together reach {score(together, task):.2f}"
            return [Leak(c, score(power[c], task), text) for c in strong[:k]], []
        if k == 1 and weakest > together + AHEAD:
            warn.append(Leak(strong[0], score(weakest, task), f"predicts better by itself than all other columns together ({score(together, task):.2f})"))
    return [], warn


def sample(y, seed):
    if len(y) <= SAMPLE:
        return np.arange(len(y))
    return np.sort(np.random.default_rng(seed).choice(len(y), SAMPLE, replace=False))


def score(power, task):
    return round(power if task == "regression" else (power + 1) / 2, 4)


def words_of(name):
    """words_of("callEnd_2") is call, end, 2."""
    return [w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]


def codes(x):
    """x as numbers: text by how often it occurs, so that rare values lie together."""
    out = np.empty(x.shape, dtype=np.float32)
    for i, c in enumerate(x):
        v = x[c]
        if v.dtype == object:
            rank = {t: r for r, t in enumerate(v.value_counts().index)}
            v = v.map(rank)
        out[:, i] = v.to_numpy(dtype=np.float32)
    return out


def tree(task):
    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    return kind(max_depth=4, min_samples_leaf=20, random_state=0)


def boosted(task, seed):
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return kind(max_iter=60, min_samples_leaf=20, early_stopping=False, random_state=seed)


def power_of(x, y, task, model):
    """Power of the columns x on rows that the model has not seen; 0 if none."""
    if task != "regression" and np.bincount(y).min() < FOLDS or len(y) < 5 * FOLDS:
        return 0.0  # too few rows to tell
    if task == "regression":
        folds, out = KFold(FOLDS, shuffle=True, random_state=0), np.zeros(len(y))
    else:
        folds, out = StratifiedKFold(FOLDS, shuffle=True, random_state=0), np.zeros((len(y), int(y.max()) + 1))
    for fit, held in folds.split(x, y):
        known = ~np.isnan(x[fit]).all(axis=0)  # boosted trees refuse a column without a value
        if not known.any():
            return 0.0
        model.fit(x[fit][:, known], y[fit])
        out[held] = model.predict(x[held][:, known]) if task == "regression" else model.predict_proba(x[held][:, known])
    if task == "regression":
        return max(0.0, float(r2_score(y, out)))
    if task == "binary":
        return max(0.0, 2 * float(roc_auc_score(y, out[:, 1])) - 1)
    return max(0.0, 2 * float(roc_auc_score(y, out / out.sum(axis=1, keepdims=True), multi_class="ovr")) - 1)
