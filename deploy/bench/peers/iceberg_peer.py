"""PyIceberg with its SQL catalog on SQLite: commits of one small file each."""
import json, os, sys, time
import pyarrow, pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

for line in sys.stdin:
    ask = json.loads(line)
    dir = os.path.abspath(ask["dir"])
    os.makedirs(dir, exist_ok=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{dir}/catalog.db", warehouse=f"file://{dir}")
    catalog.create_namespace("raw")
    rows = pyarrow.table({"id": pyarrow.array(range(100), pyarrow.int64()), "name": [str(i) for i in range(100)]})
    table = catalog.create_table("raw.calls", rows.schema)
    took = []
    for i in range(ask["before"] + ask["commits"]):
        path = f"{dir}/{i}.parquet"
        pyarrow.parquet.write_table(rows, path)
        began = time.perf_counter()
        table.add_files([path], check_duplicate_files=False)
        if i >= ask["before"]:
            took.append(time.perf_counter() - began)
    print(json.dumps({"took": took}), flush=True)
