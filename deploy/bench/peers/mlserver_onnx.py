"""One ONNX model as a custom runtime of MLServer, as its documentation describes it."""
import os
import numpy, onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feed = {}
        for i in payload.inputs:
            if i.datatype == "BYTES":
                feed[i.name] = numpy.array(StringCodec.decode_input(i), dtype=object).reshape(i.shape)
            else:
                feed[i.name] = NumpyCodec.decode_input(i)
        outputs = []
        for name, a in zip(self.names, self.session.run(None, feed)):
            codec = StringCodec if a.dtype == object else NumpyCodec
            outputs.append(codec.encode_output(name, a.tolist() if a.dtype == object else a))
        return InferenceResponse(model_name=self.name, outputs=outputs)
