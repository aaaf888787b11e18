#!/usr/bin/env python3
"""Runs go test on the given arguments and prints one line a package, the output of
what failed, and the runner's summary. A skipped test fails the run: a lane promises
what it runs. Totals of several runs add up in the file of $FORGE_TEST_TOTALS.
"""
import json, os, subprocess, sys

args = sys.argv[1:]
proc = subprocess.Popen(["go", "test", "-json", *args], stdout=subprocess.PIPE, text=True)
passed, failed, skipped, broken, output = 0, [], [], set(), {}
for line in proc.stdout:
    try:
        e = json.loads(line)
    except ValueError:
        print(line, end="")
        continue
    key = (e.get("Package") or e.get("ImportPath"), e.get("Test"))
    action = e.get("Action")
    if action in ("output", "build-output"):
        output.setdefault(key, []).append(e["Output"])
    elif action == "build-fail":
        print("".join(output.get(key, [])), end="")
    elif action in ("pass", "fail", "skip"):
        if e.get("Test"):
            if action == "pass":
                passed += 1
                output.pop(key, None)
            elif action == "fail":
                failed.append(key)
            else:
                skipped.append(key)
        elif action == "pass":
            print(f"ok    {key[0]}  {e.get('Elapsed', 0):.1f}s", flush=True)
        elif action == "fail":
            print(f"FAIL  {key[0]}", flush=True)
            if not any(k[0] == key[0] for k in failed):
                broken.add(key[0])  # it does not build, or ended outside a test
            for k in [k for k in output if k[0] == key[0]]:
                print("".join(output[k]), end="")
code = proc.wait()
for pkg, test in skipped:
    print(f"SKIP  {pkg} {test}: a test may not be skipped\n" + "".join(output.get((pkg, test), [])))
totals = os.environ.get("FORGE_TEST_TOTALS")
if totals:
    with open(totals, "a") as f:
        f.write(f"{passed} {len(failed) + len(skipped) + len(broken)}\n")
else:
    print(f"{passed} passed, {len(failed) + len(skipped) + len(broken)} failed")
sys.exit(code or (1 if skipped else 0))
