"""Feast with its DuckDB offline store: labels joined point in time with views."""
import json, os, resource, sys, time
from datetime import timedelta
import duckdb, pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64

stores = {}


def load(name, labels, views, features, ttl_days):
    """Makes a repository of CSV files: Parquet, entity, views. Not part of the figure."""
    os.makedirs(name, exist_ok=True)
    repo = os.path.abspath(name)
    for v in views:
        duckdb.sql(f"COPY (SELECT * REPLACE (event_time::TIMESTAMPTZ AS event_time) FROM read_csv('{views[v]}')) TO '{repo}/{v}.parquet' (FORMAT parquet)")
    frame = duckdb.sql(f"SELECT entity_id, label_time AT TIME ZONE 'UTC' AS event_timestamp, label FROM read_csv('{labels}')").df()
    store = FeatureStore(config=RepoConfig(project=name, provider="local", registry=f"{repo}/registry.db", offline_store={"type": "duckdb"},
                                           online_store={"type": "sqlite", "path": f"{repo}/online.db"}, entity_key_serialization_version=3))
    entity = Entity(name="entity", join_keys=["entity_id"], value_type=ValueType.INT64)
    objects = [entity]
    for v in views:
        objects.append(FeatureView(name=v, entities=[entity], ttl=timedelta(days=ttl_days), online=False,
                                   schema=[Field(name=f"{v}_{f}", dtype=Float64) for f in features],
                                   source=FileSource(path=f"{repo}/{v}.parquet", timestamp_field="event_time")))
    store.apply(objects)
    stores[name] = store, frame, [f"{v}:{v}_{f}" for v in views for f in features]
    return {"rows": len(frame)}


def join(name, out):
    store, frame, features = stores[name]
    result = store.get_historical_features(entity_df=frame, features=features).to_df()
    result.to_parquet(out)
    return {"rows": len(result)}


ops = {"load": load, "join": join}
stdout, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    ask = json.loads(line)
    op = ops[ask.pop("op")]
    cpu, wall = time.process_time(), time.perf_counter()
    out = op(**ask)
    out["cpu"], out["wall"] = time.process_time() - cpu, time.perf_counter() - wall
    out["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(out), file=stdout, flush=True)
