"""train_resnet50 on the simulated device follows the CPU on real images. Usage: train_resnet50_cuda_test.py PROGRAM"""

import gzip
import json
import math
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import images

PROGRAM = None
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
COUNT = 192


def first_images(to):
    """The first images of the real set, as a set of its own."""
    for part in ("train", "t10k"):
        for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
            name = f"{part}-{kind}-ubyte"
            data = gzip.decompress((FASHION_MNIST / f"{name}.gz").read_bytes())
            shape = (COUNT, 28, 28) if header == 16 else (COUNT,)
            images.write_idx(to / name, shape, data[header:header + math.prod(shape)])


class TrainResnet50OnTheDevice(unittest.TestCase):
    def test_it_follows_the_cpu_and_the_simulator_finds_nothing(self):
        with tempfile.TemporaryDirectory() as root:
            data = Path(root, "data")
            data.mkdir()
            first_images(data)
            losses = {}
            for device in ("cpu", "cuda"):
                run = [PROGRAM, "--data", f"fashion-mnist:{data}", "--width", "0.125", "--batch-size", "32", "--lr", "0.01",
                       "--epochs", "1", "--log-every", "1", "--size", "28", "--device", device, "--run-dir", f"{root}/{device}"]
                done = subprocess.run(run, capture_output=True, text=True)
                # The program ends with another status where a finding of the simulator is left.
                self.assertEqual(done.returncode, 0, done.stderr)
                log = next(Path(root, device).rglob("log.jsonl")).read_text().splitlines()
                losses[device] = [entry["loss"] for entry in map(json.loads, log) if entry["phase"] == "train"]
            self.assertEqual(len(losses["cpu"]), COUNT // 32)
            for step, (want, got) in enumerate(zip(losses["cpu"], losses["cuda"], strict=True), 1):
                self.assertLess(abs(got - want), 1e-4 * abs(want), f"step {step}: {losses}")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
