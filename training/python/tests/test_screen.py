"""What is left out, and what is not."""

import unittest

import numpy as np
import pandas as pd

from forge_trainer import screen


def rows(n=2000, seed=1):
    r = np.random.default_rng(seed)
    x = pd.DataFrame({"age": r.normal(size=n), "rate": r.normal(size=n), "kind": pd.Series(r.choice(["a", "b", "c"], n), dtype=object)}).astype({"age": "float32", "rate": "float32"})
    y = (x["age"] + 0.5 * (x["kind"] == "a") + r.normal(size=n) > 0).to_numpy().astype(np.int64)
    return x, y, r


def found(x, y, task="binary", tags=None):
    leaks, warn = screen.leaks(x, y, task, tags or {}, 0)
    return sorted(l.column for l in leaks), [w.column for w in warn]


class Leakage(unittest.TestCase):
    def test_clean_columns_stay(self):
        x, y, _ = rows()
        self.assertEqual(found(x, y), ([], ["age"]))

    def test_copy_of_the_answer(self):
        x, y, r = rows()
        x["copy"] = (y + 0.01 * r.normal(size=len(y))).astype(np.float32)
        self.assertEqual(found(x, y)[0], ["copy"])

    def test_two_copies_do_not_hide_each_other(self):
        x, y, r = rows()
        x["one"] = y.astype(np.float32)
        x["two"] = pd.Series(np.where(y == 1, "won", "lost"), dtype=object)
        self.assertEqual(found(x, y)[0], ["one", "two"])

    def test_column_with_a_single_value(self):
        # In one of the folds it has none at all.
        x, y, r = rows()
        x["copy"] = (y + 0.01 * r.normal(size=len(y))).astype(np.float32)
        x["seldom"] = np.where(np.arange(len(y)) == 7, 1.0, np.nan).astype(np.float32)
        self.assertEqual(found(x, y)[0], ["copy"])

    def test_answer_in_the_gaps(self):
        x, y, r = rows()
        x["amount"] = np.where(y == 1, r.normal(size=len(y)), np.nan).astype(np.float32)
        self.assertEqual(found(x, y)[0], ["amount"])

    def test_telling_name_with_power(self):
        x, y, r = rows()
        x["callDuration"] = (y + r.normal(size=len(y))).astype(np.float32)
        self.assertEqual(found(x, y)[0], ["callDuration"])

    def test_telling_name_without_power(self):
        x, y, r = rows()
        x["duration"] = r.normal(size=len(y)).astype(np.float32)
        self.assertEqual(found(x, y)[0], [])

    def test_name_that_is_about_earlier(self):
        x, y, r = rows()
        x["last_call_duration"] = (y + r.normal(size=len(y))).astype(np.float32)
        self.assertEqual(found(x, y)[0], [])

    def test_tag(self):
        x, y, _ = rows()
        self.assertEqual(found(x, y, tags={"rate": ["leakage"]})[0], ["rate"])

    def test_strong_columns_that_back_each_other_up(self):
        x, y, r = rows()
        for c in "pqrstuvw":
            x[c] = (y + 0.12 * r.normal(size=len(y))).astype(np.float32)
        self.assertEqual(found(x, y)[0], [])

    def test_regression(self):
        x, _, r = rows()
        y = (x["age"] + r.normal(size=len(x))).to_numpy(dtype=np.float64)
        self.assertEqual(found(x, y, "regression")[0], [])
        x["net"] = (3 * y + 1).astype(np.float32)
        self.assertEqual(found(x, y, "regression")[0], ["net"])


class Useless(unittest.TestCase):
    def test_reasons(self):
        n = 100
        x = pd.DataFrame({
            "same": np.ones(n, np.float32), "empty": np.full(n, np.nan, np.float32), "flag": np.where(np.arange(n) < 9, np.nan, 1).astype(np.float32),
            "customer_id": np.arange(n, dtype=np.float32), "amount": np.arange(n, dtype=np.float32), "name": pd.Series([f"n{i}" for i in range(n)], dtype=object),
            "kind": pd.Series(["a", "b"] * (n // 2), dtype=object), "blank": pd.Series([""] * n, dtype=object),
        })
        self.assertEqual(set(screen.useless(x)), {"same", "empty", "customer_id", "name", "blank"})


if __name__ == "__main__":
    unittest.main()
