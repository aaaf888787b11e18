"""The recipe as Go runs it: a process on a job directory."""

import hashlib
import json
import unittest

import numpy as np
import onnxruntime as ort
import pandas as pd
import yaml

from .bench import jobdir, mixed, run

PACKAGE = {"MLmodel", "card.md", "checksums.txt", "curves.json", "example.json", "forge.yaml", "model.onnx", "requirements.txt"}


def target_of(task, signal):
    if task == "regression":
        return signal * 1e4
    if task == "binary":
        return np.where(signal > signal.median(), "yes", "no")
    return np.array(["low", "mid", "top"])[pd.qcut(signal, 3, labels=False)]


class Recipe(unittest.TestCase):
    def train(self, n, task, **more):
        x, signal = mixed(n)
        folder = jobdir(x.assign(target=target_of(task, signal)), "target", task, **more)
        code, events = run(folder)
        self.assertEqual(code, 0, events[-1:])
        return folder, events

    def check_package(self, folder, task):
        """Every file is there and listed, and the graph gives the example's answers."""
        pack = folder / "package"
        self.assertEqual({p.name for p in pack.iterdir()}, PACKAGE)
        for line in (pack / "checksums.txt").read_text().splitlines():
            digest, name = line.split("  ")
            self.assertEqual(hashlib.sha256((pack / name).read_bytes()).hexdigest(), digest)
        m = yaml.safe_load((pack / "forge.yaml").read_text())
        self.assertEqual((m["format"], m["task"], m["target"], m["training_set"]["snapshot"]), (1, task, "target", "7"))
        self.assertEqual(m["inputs"][0], {"name": "a.b", "type": "float", "view": "v", "version": 2, "feature": "a.b"})
        e = json.loads((pack / "example.json").read_text())
        feed = {}
        for i in m["inputs"]:
            cells = e["inputs"][i["name"]]
            if i["type"] == "float":
                feed[i["name"]] = np.array([[np.nan if v is None else v] for v in cells], dtype=np.float32)
            else:
                feed[i["name"]] = np.array([[v or ""] for v in cells], dtype=object)
        sess = ort.InferenceSession(str(pack / "model.onnx"), providers=["CPUExecutionProvider"])
        self.assertEqual([o.name for o in sess.get_outputs()], list(m["outputs"].values()))
        out = sess.run(None, feed)
        want = np.array(e["scores"])
        np.testing.assert_array_less(np.abs(out[-1] - want) / np.maximum(1, np.abs(want)), 1e-4)
        if task != "regression":
            self.assertEqual([str(v) for v in out[0]], e["labels"])
            self.assertEqual(out[1].shape[1], len(m["classes"]))
        return m

    def test_twenty_rows_of_each_task(self):
        for task in ("binary", "multiclass", "regression"):
            with self.subTest(task):
                folder, events = self.train(20, task)
                self.check_package(folder, task)

    def test_learns_what_is_there(self):
        for task, metric, least in (("binary", "roc_auc", 0.85), ("multiclass", "accuracy", 0.6), ("regression", "r2", 0.8)):
            with self.subTest(task):
                folder, events = self.train(800, task, budget_s=2)
                result = events[-1]
                self.assertEqual(result["type"], "result")
                self.assertGreater(result["metrics"][metric], least)
                self.assertGreater(result["metrics"][metric], result["baseline"][metric])
                self.assertGreaterEqual(len({e["family"] for e in events if e["type"] == "trial" and not e["error"]} - {"ensemble"}), 4)
                m = self.check_package(folder, task)
                if task == "regression":  # a column is called value: the output steps aside
                    self.assertEqual(m["outputs"], {"value": "value_out"})

    def test_every_family_becomes_the_graph_it_is(self):
        for task, families in (
            ("binary", ["logistic_regression", "lightgbm", "hist_gradient_boosting", "random_forest", "extra_trees"]),
            ("regression", ["ridge", "lightgbm", "hist_gradient_boosting", "random_forest", "extra_trees"]),
        ):
            for family in families:
                with self.subTest(task=task, family=family):
                    _, events = self.train(300, task, families=[family])
                    self.assertEqual((events[-1]["best"], events[-1]["refused"]), (family, {}))
                    self.assertLessEqual(events[-1]["difference"], 1e-4)

    def test_same_seed_same_package(self):
        sums = []
        for _ in range(2):
            folder, _ = self.train(200, "binary", budget_s=60, max_trials=8)
            sums.append((folder / "package" / "checksums.txt").read_text())
        self.assertEqual(*sums)

    def test_newest_class_is_left_out(self):
        x, signal = mixed(200)
        y = target_of("multiclass", signal)
        y[-3:] = "new"
        folder = jobdir(x.assign(target=y), "target", "multiclass")
        code, events = run(folder)
        self.assertEqual(code, 0, events[-1:])
        self.assertEqual(events[-1]["classes"], ["low", "mid", "top"])
        self.assertTrue(any("'new'" in e["text"] for e in events if e["type"] == "warning"))
        self.check_package(folder, "multiclass")


class Refusals(unittest.TestCase):
    """Exit code 64, and a text for the user in the last event."""

    def refused(self, text, rows=None, target="target", task="binary", **more):
        if rows is None:
            x, signal = mixed(40)
            rows = x.assign(target=target_of("binary", signal))
        code, events = run(jobdir(rows, target, task, **more))
        self.assertEqual(code, 64)
        error = events[-1]["error"]
        self.assertEqual(error["kind"], "invalid")
        self.assertIn(text, error["text"])

    def test_unknown_target_lists_the_columns(self):
        self.refused("has a.b, value, gap", target="nope")

    def test_one_class(self):
        x, _ = mixed(40)
        self.refused("only the class 'yes'", x.assign(target="yes"))

    def test_one_class_in_the_oldest_rows(self):
        x, _ = mixed(40)
        self.refused("24 training rows", x.assign(target=["no"] * 30 + ["yes"] * 10))

    def test_three_classes_for_binary(self):
        x, signal = mixed(40)
        self.refused("has 3 classes", x.assign(target=target_of("multiclass", signal)))

    def test_null_target(self):
        x, _ = mixed(40)
        self.refused("NULL in every row", x.assign(target=pd.Series([None] * 40, dtype="str")))

    def test_text_target_of_regression(self):
        self.refused("not a number", task="regression")

    def test_no_column_left(self):
        x, signal = mixed(40)
        self.refused("no column is left", pd.DataFrame({"empty": [None] * 40, "same": 1.0, "target": target_of("binary", signal)}))

    def test_unknown_words(self):
        self.refused("metric 'rmse'", metric="rmse")
        self.refused("family 'svm'", families=["svm"])
        self.refused("column 'nope'", keep=["nope"])
        self.refused("positive class 'maybe'", positive="maybe")
        self.refused("format 2", format=2)

    def test_unreadable_data(self):
        folder = jobdir(pd.DataFrame({"a": [1.0] * 9, "target": ["x", "y", "z"] * 3}), "target", "multiclass")
        (folder / "data.parquet").write_bytes(b"PAR1 no")
        code, events = run(folder)
        self.assertEqual(code, 64)
        self.assertIn("data.parquet", events[-1]["error"]["text"])


if __name__ == "__main__":
    unittest.main()
