"""The trainer: makes a model package out of a job directory.

Go writes JOBDIR/job.json and the rows, runs ``python -m forge_trainer JOBDIR``, reads
JOBDIR/events.jsonl as it grows, and takes JOBDIR/package once the exit code is 0. The
recipe is in ``recipe.run``, top to bottom; each step has a module of its own.
"""

FORMAT = 1  # of job.json and of the events
VERSION = "1.0.0"

# Exit codes, as sysexits.h has them.
OK = 0
BAD_JOB = 64  # the job or its data is wrong: the last event says what, for the user
BUG = 70  # a fault of ours: stderr has the traceback
PREEMPTED = 75  # told to stop; may be started again
