"""events.jsonl: one JSON object a line, whole lines only, on disk at once."""

import json
import math
import os
import time
from pathlib import Path


class Events:
    def __init__(self, jobdir):
        self._fd = os.open(Path(jobdir) / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def emit(self, kind, **data):
        line = json.dumps({"type": kind, "at": round(time.time(), 3), **plain(data)}, ensure_ascii=False, allow_nan=False)
        os.write(self._fd, line.encode() + b"\n")  # one write: the reader never sees half a line

    def progress(self, step, done=0, total=0, unit=""):
        self.emit("progress", step=step, done=done, total=total, unit=unit)

    def log(self, text, **data):
        self.emit("log", text=text, **data)

    def warning(self, text, **data):
        self.emit("warning", text=text, **data)

    def failed(self, kind, text):
        """The last event of a run without a package."""
        self.emit("result", error={"kind": kind, "text": text})


def plain(v):
    """v with numpy's numbers as Python's, and what JSON cannot say (NaN) as null."""
    if isinstance(v, dict):
        return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if hasattr(v, "tolist"):
        return plain(v.tolist())
    if isinstance(v, float) and not math.isfinite(v):
        return None
    return v
