"""What finetune prints and leaves. Usage: finetune_test.py PROGRAM GOLDENS"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import images

PROGRAM = GOLDENS = None
SMALL = "--model resnet18 --width 0.125 --data fashion-mnist:data --batch-size 32 --lr 0.02".split()


class Finetune(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)
        (self.root / "data").mkdir()
        images.write_mnist(self.root / "data", train=640, test=50)

    def run_program(self, weights, *arguments):
        return subprocess.run([PROGRAM, "--weights", weights, *SMALL, *arguments], cwd=self.root, capture_output=True,
                              text=True)

    def assert_refused(self, done, message):
        self.assertEqual(done.returncode, 1)
        self.assertIn(message, done.stderr)

    def test_learns_from_weights_of_pytorch_and_leaves_weights_to_learn_from(self):
        done = self.run_program(GOLDENS / "torch_checkpoint.pt", "--epochs", "4", "--out", "a.safetensors")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("epoch 4 100% 20/20", done.stdout)
        accuracies = [float(a) for a in re.findall(r"^epoch \d: test accuracy (\S+)$", done.stdout, re.MULTILINE)]
        self.assertEqual(len(accuracies), 4)
        self.assertGreater(accuracies[-1], 0.5)
        again = self.run_program("a.safetensors", "--epochs", "1", "--limit", "64")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("epoch 1 100% 2/2", again.stdout)

    def test_says_what_is_wrong(self):
        self.assert_refused(self.run_program(GOLDENS / "torch_checkpoint.pt", "--width", "0.25"),
                            "[--weights] expected those of --model, got others: conv1.weight does not fit")
        self.assert_refused(self.run_program(GOLDENS / "torch_legacy.pt"), "PyTorch before 1.6")
        self.assert_refused(self.run_program(GOLDENS / "torch_checkpoint.pt", "--data", "imagenet"),
                            "[--data] expected fashion-mnist[:DIR] or cifar10:DIR, got imagenet")


if __name__ == "__main__":
    GOLDENS = Path(sys.argv.pop())
    PROGRAM = sys.argv.pop()
    unittest.main()
