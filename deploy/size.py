#!/usr/bin/env python3
"""Prints where the bytes of a Go program are, by module: the sizes of its symbols,
and what belongs to no one of them. The stripped program has no symbols, so it is
linked once more with them; the code in it is the same."""
import collections, os, re, subprocess, sys, tempfile

stripped = os.path.getsize(sys.argv[1])
with tempfile.TemporaryDirectory() as tmp:
    whole = os.path.join(tmp, "forge")
    subprocess.run(["go", "build", "-o", whole, "./cmd/forge"], check=True)
    symbols = subprocess.run(["go", "tool", "nm", "-size", whole], check=True, capture_output=True, text=True).stdout
    sections = subprocess.run(["readelf", "-SW", whole], check=True, capture_output=True, text=True).stdout

HOSTS = ("github.com/", "golang.org/", "google.golang.org/", "modernc.org/", "go.opentelemetry.io/", "aiforge.dev/", "gopkg.in/", "k8s.io/", "cloud.google.com/", "go.uber.org/")
depth = {"github.com": 3, "golang.org": 3, "google.golang.org": 2, "go.opentelemetry.io": 2, "aiforge.dev": 2, "modernc.org": 2, "gopkg.in": 2, "go.uber.org": 2}


def owner(name):
    """The module of a symbol: Go names begin with the import path; C++ names do not."""
    m = re.search(r"((?:%s)[A-Za-z0-9_./%%~-]+)" % "|".join(re.escape(h) for h in HOSTS), name)
    if m:
        parts = m.group(1).replace("%2e", ".").split("/")
        n = depth.get(parts[0], 3)
        return "/".join(parts[:n]).split(".(")[0] if len(parts) > 1 else parts[0]
    if re.match(r"^(_Z|_ZN|_ZTV|_ZTS|_ZTI)", name) or "duckdb" in name:
        return "DuckDB and other C++"
    if re.match(r"^(type:|go:|runtime[.:])", name) or re.match(r"^[a-z][a-z0-9/]*[.(]", name):
        return "Go's own library and type data"
    return "C"


by = collections.Counter()
for line in symbols.splitlines():
    m = re.match(r"^\s*[0-9a-f]*\s+(\d+)\s+(\S)\s+(.*)$", line)
    if m and m.group(2) not in "bBU":  # of .bss nothing is in the file
        by[owner(m.group(3))] += int(m.group(1))
for m in re.finditer(r"(\.gopclntab|\.eh_frame|\.rela?\.[a-z]+|\.gcc_except_table)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+)", sections):
    by["line tables and the like (" + m.group(1) + ")"] += int(m.group(2), 16)
by["the rest"] = max(0, stripped - sum(by.values()))
for name, size in by.most_common(28):
    print(f"{size / 1e6:8.1f} MB  {name}")
print(f"{stripped / 1e6:8.1f} MB  {sys.argv[1]}, stripped")
