"""python -m forge_trainer JOBDIR"""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from . import BAD_JOB, BUG, OK, PREEMPTED
from .events import Events
from .job import BadJob


def main(argv):
    if len(argv) != 2:
        print("usage: python -m forge_trainer JOBDIR", file=sys.stderr)
        return BAD_JOB
    jobdir = Path(argv[1])
    if not jobdir.is_dir():
        print(f"{jobdir} is not a folder", file=sys.stderr)
        return BAD_JOB
    events = Events(jobdir)
    stop_on_sigterm(events)
    pin_threads(jobdir)
    try:
        from . import job, recipe  # after the threads are pinned: numpy reads them at import

        recipe.run(job.read(jobdir), jobdir, events)
        return OK
    except BadJob as e:
        events.failed("invalid", str(e))
        return BAD_JOB
    except ImportError as e:
        traceback.print_exc()
        events.failed("unavailable", f"the trainer's Python lacks a package ({e}): run make setup")
        return BUG
    except MemoryError:
        events.failed("unavailable", "the trainer ran out of memory: train on fewer rows or columns, or give the machine more memory")
        return BUG
    except Exception as e:
        traceback.print_exc()
        events.failed("internal", f"the trainer failed: {type(e).__name__}: {e}")
        return BUG


def stop_on_sigterm(events):
    """Ends the process at once on SIGTERM. A thread waits for it, since Python runs
    signal handlers only between two steps of its own and a fit may take minutes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait():
        signal.sigwait({signal.SIGTERM})
        events.failed("unavailable", "stopped before the end")
        os._exit(PREEMPTED)

    threading.Thread(target=wait, daemon=True).start()


def pin_threads(jobdir):
    """The caller says how many threads the libraries may have, and they wait without
    spinning: on a busy machine OpenMP otherwise burns a core while it waits for the
    thread that needs it, and a fit takes ten times as long."""
    try:
        n = str(max(1, int(json.loads((jobdir / "job.json").read_text()).get("threads", 1))))
    except (OSError, ValueError, TypeError, AttributeError):
        n = "1"  # job.read will say what is wrong
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ[name] = n
    os.environ |= {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


if __name__ == "__main__":
    sys.exit(main(sys.argv))
