"""What train_mnist prints and leaves. Usage: train_mnist_test.py PROGRAM"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import images

PROGRAM = None


class TrainMnist(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        images.write_mnist(self.root, train=640, test=50)

    def run_program(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.root, capture_output=True, text=True)

    def test_learns_and_leaves_the_model_in_a_run(self):
        done = self.run_program(".", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"epoch 3 100% 10/10  loss \S+  accuracy \S+  \d+ img/s  wait \d+%")
        accuracies = [float(a) for a in re.findall(r"^test accuracy (\S+)$", done.stdout, re.MULTILINE)]
        self.assertEqual(len(accuracies), 3)
        self.assertGreater(accuracies[-1], 0.5)
        path = re.search(r"^the model is in (runs/lenet-\S+/model.safetensors)$", done.stdout, re.MULTILINE)[1]
        self.assertIn(b"conv1.weight", (self.root / path).read_bytes())
        self.assertEqual(list(self.root.glob("*.safetensors")), [])

    def test_refuses_epochs_that_are_no_number(self):
        for epochs in ("abc", "0", "-1", "2x", ""):
            with self.subTest(epochs=epochs):
                done = self.run_program(".", epochs)
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"[EPOCHS] expected a number of 1 or more, got '{epochs}'", done.stderr)
        self.assertFalse((self.root / "runs").exists())


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
