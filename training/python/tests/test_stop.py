"""SIGTERM ends the trainer within seconds, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
import unittest

from .bench import HERE, jobdir, mixed
from .test_recipe import target_of


class Stop(unittest.TestCase):
    def test_sigterm(self):
        x, signal_ = mixed(3000)
        folder = jobdir(x.assign(target=target_of("binary", signal_)), "target", "binary", budget_s=600)
        p = subprocess.Popen([sys.executable, "-m", "forge_trainer", str(folder)], env=os.environ | {"PYTHONPATH": str(HERE)})
        try:
            events = folder / "events.jsonl"
            deadline = time.monotonic() + 120
            while '"trial"' not in (events.read_text() if events.exists() else "") and time.monotonic() < deadline:
                self.assertIsNone(p.poll())
                time.sleep(0.05)
            p.send_signal(signal.SIGTERM)
            self.assertEqual(p.wait(10), 75)
            self.assertFalse((folder / "package").exists())
        finally:
            p.kill()
            p.wait()


if __name__ == "__main__":
    unittest.main()
