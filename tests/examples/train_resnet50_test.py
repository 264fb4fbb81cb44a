"""What train_resnet50 prints and leaves. Usage: train_resnet50_test.py PROGRAM"""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = None
SMALL = "--data synthetic --width 0.125 --batch-size 64 --epochs 2 --log-every 1 --device cpu --threads 1".split()


def train(root, *options):
    """Runs the program in `root`; its last line must name accuracy and run."""
    done = subprocess.run([PROGRAM, *options], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    last = re.fullmatch(r"test_accuracy=([01]\.\d{4}) run=(\S+)", done.stdout.splitlines()[-1])
    return float(last[1]), Path(root, last[2])


class TrainResnet50(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name

    def test_learns_and_leaves_its_files(self):
        accuracy, run = train(self.root, *SMALL)
        self.assertGreater(accuracy, 0.5)
        self.assertEqual(json.loads((run / "config.json").read_text())["batch_size"], 64)
        log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        steps = [line["step"] for line in log if line["phase"] == "train"]
        self.assertEqual(steps, list(range(1, 33)))
        self.assertEqual(round(log[-1]["accuracy"], 4), accuracy)
        self.assertIn("<svg", (run / "curves.svg").read_text())

    def test_a_run_that_was_killed_goes_on_to_the_same_bits(self):
        options = [*SMALL, "--checkpoint-every", "3"]
        accuracy, whole = train(self.root, *options)
        with subprocess.Popen([PROGRAM, *options], cwd=self.root, stdout=subprocess.PIPE, text=True) as killed:
            run = next(line.split()[-1] for line in killed.stdout if "the run goes to" in line)
            checkpoint = Path(self.root, run, "checkpoint.safetensors")
            while killed.poll() is None and not checkpoint.exists():
                pass
            killed.kill()
        again, resumed = train(self.root, "--resume", run)
        self.assertEqual(resumed, Path(self.root, run))
        self.assertEqual(again, accuracy)
        self.assertEqual(checkpoint.read_bytes(), (whole / "checkpoint.safetensors").read_bytes())

    def test_says_what_is_wrong(self):
        for options, message in [
            (["--data", "imagenet"], "[--data] expected fashion-mnist[:DIR], cifar10:DIR or synthetic, got imagenet"),
            (["--resume", "nowhere"], "nowhere/checkpoint.safetensors"),
            (["--device", "tpu"], "expected auto, cpu or cuda:N"),
        ]:
            with self.subTest(options=options):
                done = subprocess.run([PROGRAM, *options], cwd=self.root, capture_output=True, text=True)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(message, done.stderr)
                self.assertFalse(Path(self.root, "runs").exists())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
