"""Preprocessing: raw columns to the numbers that a family takes, in steps that convert
to ONNX. Three styles: linear (impute, scale, one-hot), forest (impute, ordinal) and
native (missing values go to the trees, ordinal)."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

LINEAR, FOREST, NATIVE = "linear", "forest", "native"

CATEGORIES = 60  # at most, per column; further ones count as unseen


class MissingFlag(TransformerMixin, BaseEstimator):
    """1 where a value is missing. Its ONNX converter is in export.py."""

    def fit(self, x, y=None):
        self.n_features_in_ = x.shape[1]
        return self

    def transform(self, x):
        return np.isnan(np.asarray(x, dtype=np.float32)).astype(np.float32)


class LowerMedian(SimpleImputer):
    """Fills gaps with the lower median, which is one of the values. The usual median of
    an even number of rows lies midway between two values, where trees like to cut: the
    filled rows would then fall to one side in float64 and to the other in float32."""

    def fit(self, x, y=None):
        super().fit(x, y)
        self.statistics_ = np.nanquantile(np.asarray(x, dtype=np.float32), 0.5, axis=0, method="lower")
        return self


def prepare(style, x, y):
    """A ColumnTransformer for the rows x with the target y, not yet fitted."""
    text = [c for c in x if x[c].dtype == object]
    number = [c for c in x if x[c].dtype != object]
    gaps = {c: float(x[c].isna().mean()) for c in number}
    flagged = [c for c in number if 0.01 <= gaps[c] <= 0.99]
    steps = []
    if style == LINEAR and number:
        steps.append(("number", Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())]), number))
    if style == FOREST and number:
        steps.append(("number", LowerMedian(strategy="median"), number))
    if style != NATIVE and flagged:
        steps.append(("flag", MissingFlag(), flagged))
    if style == NATIVE:
        # Trees learn where missing values go only from missing values: a column that
        # had none so far gets its median instead.
        seen = [c for c in number if gaps[c] >= 0.001]
        whole = [c for c in number if c not in seen]
        if whole:
            steps.append(("number", LowerMedian(strategy="median"), whole))
        if seen:
            steps.append(("gaps", "passthrough", seen))
    if text:
        steps.append(("text", encoder(style, x[text], y), text))
    return ColumnTransformer(steps, sparse_threshold=0)


def encoder(style, x, y):
    """Rare and unseen categories share one place: all zeros, or −1."""
    if style == LINEAR:
        return OneHotEncoder(categories=[frequent(x[c]) for c in x], handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    order = [by_target(x[c], frequent(x[c]), y) for c in x]
    return OrdinalEncoder(categories=order, handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)


def frequent(v):
    """The categories worth a place of their own, sorted; "" (missing) may be one."""
    counts = v.value_counts()
    least = max(2, min(20, len(v) // 500))
    keep = counts[counts >= least].index[:CATEGORIES]
    return np.array(sorted(keep) or [counts.index[0]], dtype=object)


def by_target(v, categories, y):
    """The categories in order of the mean target, pulled towards the overall mean
    where they are few: a tree then needs one cut to part them."""
    mean, weight = float(np.mean(y)), 10.0
    by = {c: (float(np.sum(y[(v == c).to_numpy()])) + weight * mean) / (int((v == c).sum()) + weight) for c in categories}
    return np.array(sorted(categories, key=lambda c: (by[c], c)), dtype=object)
