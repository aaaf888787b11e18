"""What users do with MLflow's own client, against a running forge. The server's address
and a token are in MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN. The first argument is a
folder with a model package; the registry holds the model "calls", its version 1 under
the alias champion, made by forge's own run of the second argument.
"""

import math
import os
import pickle
import sys
import tempfile
import time
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelParameter, LoggedModelTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.models import Model

client = MlflowClient()
package, forge_run = Path(sys.argv[1]), sys.argv[2]


def refused(code, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except MlflowException as e:
        assert e.error_code == code, (e.error_code, code, e.message)
        return e.message
    raise AssertionError(f"{f.__name__} was not refused")


def experiments():
    mlflow.set_experiment("credit risk")
    e = mlflow.get_experiment_by_name("credit risk")
    assert e.artifact_location == f"mlflow-artifacts:/{e.experiment_id}", e
    refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, "credit risk")
    other = client.create_experiment("other", tags={"team": "risk"})
    client.set_experiment_tag(other, "team", "fraud")
    assert [x.name for x in client.search_experiments(filter_string="tags.team = 'fraud'")] == ["other"]
    assert [x.name for x in client.search_experiments(order_by=["name"])] == ["Default", "credit risk", "forge", "other"]
    client.rename_experiment(other, "renamed")
    client.delete_experiment(other)
    assert "renamed" in [x.name for x in client.search_experiments(view_type=ViewType.DELETED_ONLY)]
    client.restore_experiment(other)
    assert client.get_experiment(other).lifecycle_stage == "active"
    assert client.get_experiment_by_name("nothing") is None
    refused("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "4711")
    first = client.search_experiments(max_results=1)
    assert len(first) == 1 and first.token
    assert client.search_experiments(max_results=1, page_token=first.token)[0].name != first[0].name


def runs():
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"depth": 4, "learner": "trees"})
        for step in range(10):
            mlflow.log_metric("auc", 0.8 + step / 100, step=step)
        mlflow.log_metrics({"bad": math.nan, "far": math.inf})
        mlflow.set_tags({"team": "risk", "a/b c": "ü"})
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_metric("auc", 0.5)
    got = client.get_run(run.info.run_id)
    assert got.info.status == "FINISHED" and got.info.run_name == "first" and got.info.end_time >= got.info.start_time
    assert got.data.params == {"depth": "4", "learner": "trees"}, got.data.params
    assert abs(got.data.metrics["auc"] - 0.89) < 1e-12 and math.isnan(got.data.metrics["bad"]) and got.data.metrics["far"] > 1e308
    assert got.data.tags["team"] == "risk" and got.data.tags["a/b c"] == "ü"
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    history = client.get_metric_history(run.info.run_id, "auc")
    assert [m.step for m in history] == list(range(10)) and abs(history[3].value - 0.83) < 1e-12
    assert client.get_metric_history(run.info.run_id, "far")[0].value == math.inf
    refused("INVALID_PARAMETER_VALUE", client.log_param, run.info.run_id, "depth", 5)
    client.log_param(run.info.run_id, "depth", 4)
    client.delete_tag(run.info.run_id, "team")
    assert "team" not in client.get_run(run.info.run_id).data.tags
    client.update_run(run.info.run_id, name="renamed")
    assert client.get_run(run.info.run_id).data.tags["mlflow.runName"] == "renamed"
    client.delete_run(child.info.run_id)
    assert client.get_run(child.info.run_id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", client.log_metric, child.info.run_id, "auc", 1)
    client.restore_run(child.info.run_id)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)
    try:
        with mlflow.start_run() as broken:
            raise ValueError("as a user's code does")
    except ValueError:
        pass
    assert client.get_run(broken.info.run_id).info.status == "FAILED"
    with mlflow.start_run(run_id=run.info.run_id):  # taken up again
        mlflow.log_metric("later", 1)
    return run.info.run_id


def batches():
    run = client.create_run(client.create_experiment("batches"))
    id = run.info.run_id
    points = [Metric("loss", 1 / (i + 1), 1000 + i, i) for i in range(500)]
    for _ in range(2):  # sent twice, stored once
        client.log_batch(id, points, [Param(f"p{i}", str(i)) for i in range(100)], [RunTag("t", "1")])
    began = time.perf_counter()
    history = client.get_metric_history(id, "loss")
    took = time.perf_counter() - began
    assert len(history) == 500 and history[-1].step == 499
    assert abs(client.get_run(id).data.metrics["loss"] - 1 / 500) < 1e-12 and len(client.get_run(id).data.params) == 100
    client.set_terminated(id)
    print(f"history of 500 points: {took * 1000:.0f} ms")


def search():
    e = client.create_experiment("search")
    for i in range(25):
        r = client.create_run(e, tags={"parity": "even" if i % 2 == 0 else "odd"}, run_name=f"r{i}")
        client.log_batch(r.info.run_id, [Metric("score", i / 10, 0, 0)], [Param("size", "small" if i < 10 else "Large")])
        if i == 7:
            client.set_terminated(r.info.run_id, "FAILED")
    def names(filter, **more):
        return sorted((r.info.run_name for r in client.search_runs([e], filter, **more)), key=lambda n: int(n[1:]))
    assert names("metrics.score >= 2.0 and tags.parity = 'even'") == ["r20", "r22", "r24"]
    assert names("params.size LIKE 'Lar%'") == [f"r{i}" for i in range(10, 25)]
    assert names("params.size LIKE 'lar%'") == [] and len(names("params.size ILIKE 'lar%'")) == 15
    assert names("attributes.status = 'FAILED'") == ["r7"]
    assert names("run_name LIKE 'r1_'") == [f"r{i}" for i in range(10, 20)]
    assert names("tags.`mlflow.runName` = 'r3'") == ["r3"]
    assert names("tags.nothing IS NULL and metrics.score < 0.15") == ["r0", "r1"]
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [e], "metrics.score > 1 or metrics.score < 0")
    refused("INVALID_PARAMETER_VALUE", client.search_runs, [e], "bogus = 'x'")
    got, token = [], None
    while True:
        page = client.search_runs([e], order_by=["metrics.score DESC"], max_results=10, page_token=token)
        got += [r.info.run_name for r in page]
        token = page.token
        if not token:
            break
    assert got == [f"r{i}" for i in range(24, -1, -1)], got


def artifacts(run):
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        (d / "deep" / "er").mkdir(parents=True)
        (d / "a b.txt").write_text("hello")
        (d / "deep" / "er" / "ü +b.bin").write_bytes(bytes(range(256)) * 4096)
        client.log_artifacts(run, d, "out")
        client.log_text(run, "text", "note.txt")
        client.log_dict(run, {"a": 1}, "conf/x.json")
        names = lambda p=None: [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run, p)]
        assert names() == [("conf", True, None), ("note.txt", False, 4), ("out", True, None)], names()
        assert names("out") == [("out/a b.txt", False, 5), ("out/deep", True, None)], names("out")
        assert names("note.txt") == [] and names("missing") == []
        back = Path(client.download_artifacts(run, "out", str(d)))
        assert (back / "deep" / "er" / "ü +b.bin").read_bytes() == bytes(range(256)) * 4096
        assert mlflow.artifacts.load_text(f"runs:/{run}/note.txt") == "text"
        assert mlflow.artifacts.load_dict(f"runs:/{run}/conf/x.json") == {"a": 1}


def logged_models():
    e = mlflow.get_experiment_by_name("credit risk").experiment_id
    with mlflow.start_run(experiment_id=e) as run:
        m = mlflow.create_external_model(name="external", source_run_id=run.info.run_id, model_type="remote")
        assert m.status == "READY" and m.source_run_id == run.info.run_id, m
        client.set_logged_model_tags(m.model_id, {"k": "v", "k/2": "w"})
        client.delete_logged_model_tag(m.model_id, "k")
        client.log_model_params(m.model_id, {"depth": "3"})
        mlflow.log_metric("f1", 0.7, model_id=m.model_id)
    m = client.get_logged_model(m.model_id)
    assert "k" not in m.tags and m.tags["k/2"] == "w" and m.params["depth"] == "3" and m.metrics[0].value == 0.7, m
    found = client.search_logged_models([e], filter_string="metrics.f1 > 0.5 AND params.depth = '3'")
    assert [x.model_id for x in found] == [m.model_id]
    assert [x.model_id for x in client.search_logged_models([e], order_by=[{"field_name": "metrics.f1", "ascending": False}])] == [m.model_id]
    client.delete_logged_model(m.model_id)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_logged_model, m.model_id)


class Pickled:
    """A flavor as many are: a pickled object beside MLmodel. Whoever loads it, runs it."""

    @staticmethod
    def save_model(path, mlflow_model, **_):
        Path(path).mkdir()
        (Path(path) / "model.pkl").write_bytes(pickle.dumps(Trap()))
        mlflow_model.add_flavor("pickled", data="model.pkl")
        mlflow_model.save(str(Path(path) / "MLmodel"))


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def forges_own():
    """What forge trained is seen, and its package comes by alias."""
    run = client.get_run(forge_run)
    assert run.info.status == "FINISHED" and run.data.params["model"] == "calls" and "roc_auc" in run.data.metrics, run
    assert forge_run in [r.info.run_id for r in client.search_runs([client.get_experiment_by_name("forge").experiment_id], "metrics.roc_auc > 0")]
    assert [f.path for f in client.list_artifacts(forge_run)] == ["model"]
    refused("INVALID_PARAMETER_VALUE", client.set_tag, forge_run, "a", "b")
    v = client.get_model_version_by_alias("calls", "champion")
    assert v.version == "1" and v.run_id == forge_run and v.status == "READY" and v.tags["forge.servable"] == "true", v
    local = Path(mlflow.artifacts.download_artifacts("models:/calls@champion"))
    want = {p.name: p.read_bytes() for p in package.iterdir()}
    got = {p.name: p.read_bytes() for p in local.iterdir() if p.name != "registered_model_meta"}
    assert want == got, (want.keys(), got.keys())
    assert mlflow.models.get_model_info("models:/calls@champion").flavors.keys() >= {"onnx", "python_function"}
    return local


def registry(run, local):
    client.create_registered_model("mine", tags={"team": "risk"}, description="of the team")
    refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, "mine")
    refused("INVALID_PARAMETER_VALUE", client.create_registered_model, "No Such Name")

    client.log_artifacts(run, str(local), "model")  # with the file that the client added
    v = mlflow.register_model(f"runs:/{run}/model", "mine")
    assert v.version == "1" and v.status == "READY" and v.run_id == run, v
    assert client.get_model_version("mine", "1").tags["forge.servable"] == "true"

    client.log_text(run, "not a package", "other/readme.txt")
    client.log_text(run, "flavors: {}\n", "other/MLmodel")
    v = mlflow.register_model(f"runs:/{run}/other", "mine", tags={"why": "test"})
    v = client.get_model_version("mine", v.version)
    assert v.version == "2" and v.status == "READY" and v.tags["forge.servable"] == "false" and "served" in v.status_message and v.tags["why"] == "test", v
    assert Path(mlflow.artifacts.download_artifacts("models:/mine/2"), "readme.txt").read_text() == "not a package"

    client.set_registered_model_alias("mine", "champion", "1")
    refused("INVALID_STATE", client.set_registered_model_alias, "mine", "champion", "2")
    client.set_registered_model_alias("mine", "draft", "2")
    assert client.get_registered_model("mine").aliases == {"champion": "1", "draft": "2"}
    assert client.get_model_version_by_alias("mine", "draft").version == "2"
    client.delete_registered_model_alias("mine", "draft")
    client.update_registered_model("mine", "new words")
    client.set_registered_model_tag("mine", "k", "v")
    client.delete_registered_model_tag("mine", "k")
    client.update_model_version("mine", "1", "described")
    client.set_model_version_tag("mine", "1", "ok", "yes")
    assert client.get_model_version("mine", "1").description == "described" and client.get_model_version("mine", "1").tags["ok"] == "yes"
    client.delete_model_version_tag("mine", "1", "ok")
    assert [m.name for m in client.search_registered_models("name LIKE 'mi%'")] == ["mine"]
    assert [m.name for m in client.search_registered_models("tags.team = 'risk'")] == ["mine"]
    assert {m.name for m in client.search_registered_models()} == {"calls", "mine"}
    assert [v.version for v in client.search_model_versions("name = 'mine'", order_by=["version_number DESC"])] == ["2", "1"]
    assert [v.name for v in client.search_model_versions(f"run_id = '{forge_run}'")] == ["calls"]

    client.transition_model_version_stage("mine", "1", "Production")
    assert client.get_model_version("mine", "1").current_stage == "Production"
    assert [v.version for v in client.get_latest_versions("mine", ["Production"])] == ["1"]
    assert client.get_model_version_by_alias("mine", "production").version == "1"
    client.transition_model_version_stage("mine", "1", "Archived")
    assert client.get_model_version("mine", "1").current_stage == "Archived"

    copied = client.copy_model_version("models:/mine/1", "copied")
    assert copied.version == "1" and client.get_model_version("copied", "1").tags["forge.servable"] == "true"
    client.delete_model_version("mine", "2")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, "mine", "2")
    refused("INVALID_STATE", client.delete_model_version, "mine", "1")
    refused("INVALID_STATE", client.delete_registered_model, "mine")
    client.create_registered_model("empty")
    client.rename_registered_model("empty", "renamed")
    client.delete_registered_model("renamed")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, "renamed")


def log_model():
    """log_model of MLflow 3: a logged model, its files, and a registered version at once."""
    with mlflow.start_run() as run:
        info = Model.log(None, name="echo", flavor=Pickled, registered_model_name="echo", params={"a": "1"})
    m = client.get_logged_model(info.model_id)
    assert m.status == "READY" and m.source_run_id == run.info.run_id and m.params["a"] == "1", m
    assert [f.path for f in client.list_logged_model_artifacts(m.model_id)] == ["MLmodel", "model.pkl"]
    assert [o.model_id for o in client.get_run(run.info.run_id).outputs.model_outputs] == [m.model_id]
    v = client.get_model_version("echo", "1")
    assert v.tags["forge.servable"] == "false" and v.status == "READY" and v.run_id == run.info.run_id, v
    assert sorted(os.listdir(mlflow.artifacts.download_artifacts("models:/echo/1"))) == ["MLmodel", "model.pkl", "registered_model_meta"]
    assert sorted(os.listdir(mlflow.artifacts.download_artifacts(f"models:/{m.model_id}")))[:2] == ["MLmodel", "model.pkl"]


def denied():
    os.environ["MLFLOW_TRACKING_TOKEN"] = "wrong"
    try:
        refused("UNAUTHENTICATED", MlflowClient().create_run, "0")
    finally:
        os.environ["MLFLOW_TRACKING_TOKEN"] = token


token = os.environ["MLFLOW_TRACKING_TOKEN"]
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
experiments()
run = runs()
batches()
search()
artifacts(run)
logged_models()
local = forges_own()
registry(run, local)
log_model()
denied()
print("all of it works with MLflow", mlflow.__version__)
