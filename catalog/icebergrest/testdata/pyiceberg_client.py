"""What a user of PyIceberg does with the catalog at URI argv[1] and the token argv[2].

raw.calls (n long, text string; rows 0..9) is there. Every step checks itself.
"""
import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import BadRequestError, CommitFailedException, NamespaceAlreadyExistsError, NamespaceNotEmptyError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.types import DoubleType

catalog = load_catalog("forge", type="rest", uri=sys.argv[1], token=sys.argv[2])


def refused(kind, step):
    try:
        step()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


# Read what forge wrote, and append to it.
assert catalog.list_namespaces() == [("raw",)], catalog.list_namespaces()
assert catalog.list_tables("raw") == [("raw", "calls")]
calls = catalog.load_table("raw.calls")
rows = calls.scan().to_arrow()
assert rows.num_rows == 10 and rows.column("n").to_pylist() == list(range(10)), rows
assert calls.scan(row_filter="n >= 8", selected_fields=("text",)).to_arrow().num_rows == 2
calls.append(rows.slice(0, 3))
assert calls.scan().count() == 13

# Two copies of the table: the older one's commit is made again on top, or refused.
one, two = catalog.load_table("raw.calls"), catalog.load_table("raw.calls")
one.append(rows.slice(0, 1))
two.append(rows.slice(1, 1))
assert catalog.load_table("raw.calls").scan().count() == 15

# Make, fill, change and partition a table.
catalog.create_namespace("py", {"owner": "tests"})
assert catalog.load_namespace_properties("py") == {"owner": "tests"}
schema = pa.schema([("id", pa.int64()), ("region", pa.string()), ("ts", pa.timestamp("us", tz="UTC"))])
own = catalog.create_table("py.own", schema=schema)
own.append(pa.table({"id": [1, 2, 3], "region": ["a", "b", None], "ts": [0, 1, 2]}, schema=schema))
own.delete("id = 2")
assert own.scan().to_arrow().column("id").to_pylist() == [1, 3]
with own.update_schema() as change:
    change.add_column("extra", DoubleType())
    change.rename_column("region", "area")
with own.update_spec() as change:
    change.add_identity("area")
wide = pa.schema([("id", pa.int64()), ("area", pa.string()), ("ts", pa.timestamp("us", tz="UTC")), ("extra", pa.float64())])
own.append(pa.table({"id": [4, 5], "area": ["q", "r s%20t/ü"], "ts": [3, 4], "extra": [1.5, None]}, schema=wide))
assert own.scan(row_filter="area == 'r s%20t/ü'").to_arrow().column("id").to_pylist() == [5]
own.manage_snapshots().create_tag(own.current_snapshot().snapshot_id, "v1").commit()

# Staged: the table and its rows come into being together.
with catalog.create_table_transaction("py.staged", schema=schema) as tx:
    tx.append(pa.table({"id": [7], "region": ["x"], "ts": [0]}, schema=schema))
assert catalog.load_table("py.staged").scan().count() == 1

# Names, and what is refused.
catalog.rename_table("py.own", "py.renamed")
assert not catalog.table_exists("py.own") and catalog.table_exists("py.renamed")
refused(NoSuchTableError, lambda: catalog.load_table("py.own"))
refused(TableAlreadyExistsError, lambda: catalog.create_table("py.renamed", schema=schema))
refused(NamespaceAlreadyExistsError, lambda: catalog.create_namespace("py"))
refused(NamespaceNotEmptyError, lambda: catalog.drop_namespace("py"))
refused(BadRequestError, lambda: catalog.create_namespace("Upper"))

# Dropped without its files a table can be had back; purged it cannot.
metadata = catalog.load_table("py.renamed").metadata_location
catalog.drop_table("py.renamed")
assert catalog.register_table("py.back", metadata).scan().count() == 4
catalog.purge_table("py.staged")
refused(NoSuchTableError, lambda: catalog.load_table("py.staged"))
print("done")
