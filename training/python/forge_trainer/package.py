"""The model package: an MLflow model directory with forge's own files beside it."""

import hashlib
import json
import platform
import uuid
from importlib.metadata import version
from pathlib import Path

import numpy as np
import yaml

from . import VERSION, export
from .events import plain

EXAMPLES = 40  # rows shipped with the trainer's answers
RUNTIME = ("numpy", "onnx", "onnxruntime", "pandas")


def write(folder, job, data, columns, model, found, worst):
    """Writes the package; found is what recipe.run learned, worst the greatest
    difference between graph and model."""
    folder = Path(folder)
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    x = data.x[columns]
    inputs = [described(job, c, x) for c in columns]
    text(folder / "forge.yaml", yaml.safe_dump(manifest(job, data, inputs, found), sort_keys=False, allow_unicode=True, width=120))
    text(folder / "example.json", json.dumps(plain(examples(job, data, columns, found["members"])), ensure_ascii=False, allow_nan=False))
    text(folder / "requirements.txt", "".join(f"{p}=={version(p)}\n" for p in RUNTIME))
    text(folder / "curves.json", json.dumps(plain(found["curves"]), ensure_ascii=False, allow_nan=False))
    text(folder / "MLmodel", yaml.safe_dump(mlmodel(job, data, inputs), sort_keys=False, allow_unicode=True, width=120))
    text(folder / "card.md", card(job, data, inputs, found, worst))
    text(folder / "checksums.txt", checksums(folder))


def text(path, s):
    path.write_text(s, encoding="utf-8", newline="\n")


def described(job, name, x):
    c = next(c for c in job.columns if c.name == name)
    out = {"name": name, "type": "string" if x[name].dtype == object else "float"}
    if c.view:
        out |= {"view": c.view, "version": c.version, "feature": c.feature or name}
    return out


def manifest(job, data, inputs, found):
    m = {"format": 1, "kind": "tabular", "task": job.task, "family": found["best"], "target": job.target}
    if data.classes:
        m["classes"] = list(data.classes)
    if job.task == "binary":
        m["positive"] = data.classes[found["positive"]]
    m["inputs"] = inputs
    m["outputs"] = export.output_names(job.task, data.x[[i["name"] for i in inputs]])
    m["training_set"] = {k: str(job.training_set.get(k, "")) for k in ("id", "table", "snapshot")}
    m["run"] = job.run
    m["metrics"] = {k: round(v, 6) for k, v in plain(found["metrics"]).items() if v is not None}
    m["trainer"] = {"forge_trainer": VERSION, "python": platform.python_version()} | {p: version(p) for p in ("scikit-learn", "lightgbm", "skl2onnx", "onnxmltools", "onnx", "onnxruntime")}
    return m


def examples(job, data, columns, members):
    """Rows of the test part and rough ones (missing, unseen), with the answers of the
    fitted model itself, not of the graph: what a server must reproduce."""
    x = data.x[columns].iloc[data.rows("test")]
    rows = export.probe(x, job.seed, EXAMPLES)
    half = min(EXAMPLES, len(x))
    rows = rows.iloc[np.r_[0 : min(EXAMPLES // 2, half), len(rows) - EXAMPLES // 2 : len(rows)]].reset_index(drop=True)
    out = export.predict(members, rows, job.task)
    if job.task != "regression":  # rows on the edge between two classes say nothing about a server
        clear = np.diff(np.sort(out, axis=1)[:, -2:], axis=1)[:, 0] > 2 * export.TOLERANCE
        if clear.any():
            rows, out = rows[clear].reset_index(drop=True), out[clear]
    cells = {c: [None if v == "" or v != v else v for v in rows[c].tolist()] for c in rows}
    if job.task == "regression":
        return {"inputs": cells, "labels": [], "scores": [[float(v)] for v in out]}
    return {"inputs": cells, "labels": [data.classes[k] for k in out.argmax(axis=1)], "scores": out.tolist()}


def mlmodel(job, data, inputs):
    """MLflow's own description, so that its client loads the folder."""
    name = export.output_names(job.task, [i["name"] for i in inputs])
    if data.classes:
        outputs = [tensor(name["label"], "str", [-1]), tensor(name["scores"], "float32", [-1, len(data.classes)])]
    else:
        outputs = [tensor(name["value"], "float32", [-1, 1])]
    return {
        "flavors": {
            "onnx": {"data": "model.onnx", "onnx_version": version("onnx"), "providers": ["CPUExecutionProvider"]},
            "python_function": {"loader_module": "mlflow.onnx", "data": "model.onnx", "python_version": platform.python_version()},
        },
        "model_uuid": uuid.uuid5(uuid.NAMESPACE_URL, "forge:" + job.run).hex,
        "run_id": job.run,
        "utc_time_created": job.created,
        "signature": {
            "inputs": json.dumps([tensor(i["name"], "str" if i["type"] == "string" else "float32", [-1, 1]) for i in inputs]),
            "outputs": json.dumps(outputs),
        },
    }


def tensor(name, kind, shape):
    """Columns are tensors to MLflow: it then shapes those of a pandas frame as the graph
    wants them."""
    return {"type": "tensor", "name": name, "tensor-spec": {"dtype": kind, "shape": shape}}


def card(job, data, inputs, found, worst):
    """For people: what it is, how good, on what, and what to beware of."""
    lines = [f"# {job.model or 'Model'}", "", f"Predicts `{job.target}` ({job.task}) with {found['best']}, made by run {job.run or '?'}."]
    rows = {p: len(data.rows(p)) for p in ("train", "valid", "test")}
    lines += ["", f"Trained on {rows['train'] + rows['valid']} rows of {job.training_set.get('table', '?')} (snapshot {job.training_set.get('snapshot', '?')}); measured on {rows['test']} rows that it has not seen.", "", "| metric | model | without a model |", "| --- | --- | --- |"]
    for k, v in plain(found["metrics"]).items():
        b = plain(found["baseline"]).get(k)
        lines.append(f"| {k} | {'–' if v is None else f'{v:.4g}'} | {'–' if b is None else f'{b:.4g}'} |")
    lines += ["", "## Inputs", ""] + [f"- `{i['name']}` ({i['type']})" + (f" from {i['view']}@{i['version']}.{i['feature']}" if "view" in i else "") for i in inputs]
    if found["left_out"]:
        lines += ["", "## Left out", ""] + [f"- `{c}`: {why}" for c, why in found["left_out"].items()]
    if found["warnings"]:
        lines += ["", "## Beware", ""] + [f"- {w}" for w in found["warnings"]]
    lines += ["", f"The ONNX graph and the fitted model differ by at most {worst:.1e} on the rows that were compared, among them rows with missing values and unseen categories.", ""]
    return "\n".join(lines)


def checksums(folder):
    files = sorted((p for p in folder.rglob("*") if p.is_file() and p.name != "checksums.txt"), key=lambda p: p.relative_to(folder).as_posix().encode())
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files)
