"""One ONNX model behind FastAPI, as a hand-written service would be: the Open Inference
Protocol's JSON in pydantic models, ONNX Runtime with one thread, a label and scores."""
import os
from typing import Any
import numpy, onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
types = {"FP32": numpy.float32, "FP64": numpy.float64, "INT64": numpy.int64, "BYTES": object}
names = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(string)": "BYTES"}
outputs = [(o.name, names[o.type]) for o in session.get_outputs()]


class Input(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class Output(BaseModel):
    name: str
    datatype: str
    shape: list[int]
    data: list[Any]


class Request(BaseModel):
    id: str | None = None
    inputs: list[Input]


class Response(BaseModel):
    model_name: str
    outputs: list[Output]


app = FastAPI()


@app.get("/v2/health/ready")
def ready():
    return {"ready": True}


@app.post("/v2/models/calls/infer")
def infer(r: Request) -> Response:
    feed = {i.name: numpy.array(i.data, dtype=types[i.datatype]).reshape(i.shape) for i in r.inputs}
    got = session.run(None, feed)
    return Response(model_name="calls", outputs=[
        Output(name=name, datatype=kind, shape=list(a.shape), data=a.ravel().tolist()) for (name, kind), a in zip(outputs, got)])
