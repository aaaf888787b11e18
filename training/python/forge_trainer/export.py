"""One ONNX graph: raw typed columns in, label and scores (or value) out.

Each member of the model is converted by itself; ``join`` puts them side by side in one
graph, takes their weighted mean, and names the class. Known traps of the converters are
met here, and ``check`` compares the graph with the fitted model, since two ordinary
combinations convert without a word and are wrong.
"""

import warnings

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from .prepare import LowerMedian, MissingFlag
from .search import predict

OPSET, ML_OPSET = 21, 3
TOLERANCE = 1e-4  # of a probability; relative to max(1, |value|) for regression


class Refused(Exception):
    """The graph does not say what the model says."""


def convert(members, x, task, classes):
    """The joined graph of the members as a ModelProto; x has the raw columns."""
    return join([(one(b, x, task), b.weight) for b in members], x, task, classes)


def one(member, x, task):
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.pipeline import Pipeline

    register()
    kinds = [(c, StringTensorType([None, 1]) if x[c].dtype == object else FloatTensorType([None, 1])) for c in x]
    options = {} if task == "regression" else {id(member.model): {"zipmap": False}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = Pipeline([("pre", member.pre), ("model", member.model)])
        return convert_sklearn(pipe, initial_types=kinds, options=options, target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET})


def register():
    import skl2onnx
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx.common import _container
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.operator_converters.imputer_op import convert_sklearn_imputer
    from skl2onnx.shape_calculators.imputer import calculate_sklearn_imputer_output_shapes
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes, calculate_linear_regressor_output_shapes

    def flag_shape(op):
        op.outputs[0].type = FloatTensorType([None, op.inputs[0].type.shape[1]])

    def flag(scope, op, container):
        nan = scope.get_unique_variable_name("nan")
        container.add_node("IsNaN", op.inputs[0].full_name, nan, op_version=13, name=scope.get_unique_operator_name("IsNaN"))
        container.add_node("Cast", nan, op.outputs[0].full_name, op_version=13, to=TensorProto.FLOAT, name=scope.get_unique_operator_name("Cast"))

    skl2onnx.update_registered_converter(MissingFlag, "ForgeMissingFlag", flag_shape, flag)
    skl2onnx.update_registered_converter(LowerMedian, "ForgeLowerMedian", calculate_sklearn_imputer_output_shapes, convert_sklearn_imputer)
    options = {"nocl": [True, False], "zipmap": [True, False, "columns"], "raw_scores": [True, False]}
    skl2onnx.update_registered_converter(LGBMClassifier, "LightGbmLGBMClassifier", calculate_linear_classifier_output_shapes, convert_lightgbm, options=options)
    skl2onnx.update_registered_converter(LGBMRegressor, "LightGbmLGBMRegressor", calculate_linear_regressor_output_shapes, convert_lightgbm)
    # HistGradientBoosting hands numpy booleans to protobuf, which takes integers only.
    if not hasattr(_container.make_node, "plain"):
        original = _container.make_node

        def make_node(*args, **kwargs):
            return original(*args, **{k: python_number(v) for k, v in kwargs.items()})

        make_node.plain = True
        _container.make_node = make_node


def python_number(v):
    if isinstance(v, (bool, np.bool_)):
        return int(v)
    if isinstance(v, np.generic):
        return v.item()
    if isinstance(v, np.ndarray) and v.ndim == 1:
        return [python_number(x) for x in v]
    if isinstance(v, list):
        return [python_number(x) for x in v]
    return v


def join(graphs, x, task, classes):
    """Members side by side on shared inputs; their outputs' weighted mean."""
    inputs = [helper.make_tensor_value_info(c, TensorProto.STRING if x[c].dtype == object else TensorProto.FLOAT, ["N", 1]) for c in x]
    nodes, constants, means, opset, ml = [], [], [], 13, 2
    for i, (g, weight) in enumerate(graphs):
        # The converter changes names such as emp.var.rate; the order of inputs it keeps.
        raw = dict(zip((v.name for v in g.graph.input), x.columns, strict=True))

        def rename(name, raw=raw, prefix=f"forge:{i}/"):
            return raw.get(name) or (name and prefix + name)

        for n in g.graph.node:
            n = onnx.NodeProto.FromString(n.SerializeToString())
            n.name = f"{i}/{n.name}"
            n.input[:] = [rename(v) for v in n.input]
            n.output[:] = [rename(v) for v in n.output]
            if n.op_type == "StringNormalizer":  # en_US is not there in a slim container
                set_attribute(n, "locale", "C")
            nodes.append(n)
        for c in g.graph.initializer:
            c = TensorProto.FromString(c.SerializeToString())
            c.name = rename(c.name)
            constants.append(c)
        answer = rename(g.graph.output[-1].name)  # probabilities come after the label
        constants.append(numpy_helper.from_array(np.array(weight, dtype=np.float32), f"forge:weight{i}"))
        nodes.append(helper.make_node("Mul", [answer, f"forge:weight{i}"], [f"forge:part{i}"], name=f"forge:part{i}"))
        means.append(f"forge:part{i}")
        for o in g.opset_import:
            if o.domain == "":
                opset = max(opset, o.version)
            elif o.domain == "ai.onnx.ml":
                ml = max(ml, o.version)
    name = output_names(task, x)
    if task == "regression":
        nodes.append(helper.make_node("Sum", means, [name["value"]], name="value"))
        outputs = [helper.make_tensor_value_info(name["value"], TensorProto.FLOAT, ["N", 1])]
    else:
        nodes.append(helper.make_node("Sum", means, [name["scores"]], name="scores"))
        nodes.append(helper.make_node("ArgMax", [name["scores"]], ["forge:code"], axis=1, keepdims=0, name="code"))
        nodes.append(helper.make_node("LabelEncoder", ["forge:code"], [name["label"]], domain="ai.onnx.ml", name="label", keys_int64s=list(range(len(classes))), values_strings=classes))
        outputs = [helper.make_tensor_value_info(name["label"], TensorProto.STRING, ["N"]), helper.make_tensor_value_info(name["scores"], TensorProto.FLOAT, ["N", len(classes)])]
    nodes = needed(nodes, [o.name for o in outputs])
    used = {v for n in nodes for v in n.input}
    graph = helper.make_graph(nodes, "forge", inputs, outputs, [c for c in constants if c.name in used])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)], producer_name="forge_trainer")
    model.ir_version = 10
    onnx.checker.check_model(model)
    return model


def output_names(task, columns):
    """What the outputs are called: a column of the same name makes one step aside."""
    names = {}
    for want in ("value",) if task == "regression" else ("label", "scores"):
        name = want
        while name in columns:
            name += "_out"
        names[want] = name
    return names


def set_attribute(node, name, value):
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def needed(nodes, wanted):
    """The nodes that the wanted values depend on, in order."""
    wanted, keep = set(wanted), []
    for n in reversed(nodes):
        if wanted & set(n.output):
            wanted |= set(n.input)
            keep.append(n)
    return keep[::-1]


def session(model):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model if isinstance(model, bytes) else model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def answer(sess, x, task):
    """(labels, scores) of the graph on raw rows; labels is empty for regression."""
    feed = {c: x[c].to_numpy().reshape(-1, 1) for c in x}
    if task == "regression":
        return [], sess.run(None, feed)[0]
    label, scores = sess.run(None, feed)
    return list(label), scores


def probe(x, seed, rows=1000):
    """Rows to compare on: real ones, and as many with cells emptied and with
    categories that nobody has seen."""
    rng = np.random.default_rng(seed)
    real = x.iloc[rng.choice(len(x), min(rows, len(x)), replace=False)]
    rough = x.iloc[rng.choice(len(x), max(200, min(rows, len(x))), replace=True)].copy()
    for c in rough:
        hit = rng.random(len(rough)) < 0.15
        if rough[c].dtype == object:
            v = rough[c].to_numpy(copy=True)
            v[hit] = ""
            v[rng.random(len(rough)) < 0.1] = "never seen before"
            rough[c] = pd.Series(v, index=rough.index, dtype=object)
        else:
            v = rough[c].to_numpy(copy=True)
            v[hit] = np.nan
            rough[c] = v
    return pd.concat([real, rough]).reset_index(drop=True)


def check(model, members, x, task, classes, seed):
    """Greatest difference between graph and model; Refused when it is too great."""
    rows = probe(x, seed)
    want = predict(members, rows, task)
    try:
        labels, have = answer(session(model), rows, task)
    except Exception as e:
        raise Refused(f"ONNX Runtime does not run the graph: {e}"[:300]) from e
    want = want.reshape(have.shape)
    scale = np.maximum(1.0, np.abs(want)) if task == "regression" else 1.0
    diff = np.abs(have - want) / scale
    worst = float(np.nanmax(diff)) if np.isfinite(have).all() else float("inf")
    if not worst <= TOLERANCE:
        raise Refused(f"the ONNX graph differs from the model by up to {worst:.2g} on {int((diff.max(axis=1) > TOLERANCE).sum())} of {len(rows)} rows")
    if task != "regression":
        sure = np.sort(want, axis=1)
        clear = sure[:, -1] - sure[:, -2] > 2 * TOLERANCE
        named = np.array(classes, dtype=object)[want.argmax(axis=1)]
        if (np.array(labels, dtype=object)[clear] != named[clear]).any():
            raise Refused("the ONNX graph names other classes than the model")
    return worst
