"""DuckDB by itself: COPY of a CSV file to Parquet, and SQL over Parquet files."""
import json, os, resource, sys, time
import duckdb

con = duckdb.connect()
con.execute("SET threads = 2")


def copy(csv, out):
    con.execute(f"COPY (SELECT * FROM read_csv('{csv}')) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    rows = con.execute(f"SELECT count(*) FROM read_parquet('{out}')").fetchone()[0]
    os.remove(out)
    return {"rows": rows}


def open_(name, files):
    con.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({files!r})")
    return {}


def sql(sql):
    rows = con.execute(sql).fetchall()
    return {"rows": len(rows), "answer": str(rows[0])[:200] if rows else ""}


ops = {"copy": copy, "open": open_, "sql": sql}
for line in sys.stdin:
    ask = json.loads(line)
    op = ops[ask.pop("op")]
    cpu, wall = time.process_time(), time.perf_counter()
    out = op(**ask)
    out["cpu"], out["wall"] = time.process_time() - cpu, time.perf_counter() - wall
    out["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(out), flush=True)
