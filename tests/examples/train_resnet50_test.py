"""What train_resnet50 prints and leaves. Usage: train_resnet50_test.py PROGRAM"""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import images

PROGRAM = None
SMALL = "--data synthetic --width 0.125 --batch-size 64 --epochs 2 --log-every 1 --device cpu --threads 1".split()


def run(root, *options):
    """What the program prints, run in `root`."""
    done = subprocess.run([PROGRAM, *options], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr}")
    return done.stdout


def result(root, output):
    """Accuracy and run, which the last line must name."""
    last = re.fullmatch(r"test_accuracy=([01]\.\d{4}) run=(\S+)", output.splitlines()[-1])
    return float(last[1]), Path(root, last[2])


def train(root, *options):
    return result(root, run(root, *options))


def log_of(directory):
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def forget_the_last_evaluation(checkpoint):
    """Makes of the checkpoint after an evaluation the one that was taken before it."""
    data = checkpoint.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, tensors = json.loads(data[8:8 + size]), data[8 + size:]
    end = header["curves.test"]["data_offsets"][1]
    point = 2 * 8  # two doubles
    header["curves.test"]["shape"][0] -= 1
    for name, entry in header.items():
        if name != "__metadata__":
            entry["data_offsets"] = [at - point if at >= end else at for at in entry["data_offsets"]]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    checkpoint.write_bytes(len(text).to_bytes(8, "little") + text + tensors[:end - point] + tensors[end:])


class TrainResnet50(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name

    def test_learns_and_leaves_its_files(self):
        accuracy, run = train(self.root, *SMALL)
        self.assertGreater(accuracy, 0.5)
        self.assertEqual(json.loads((run / "config.json").read_text())["batch_size"], 64)
        log = log_of(run)
        steps = [line["step"] for line in log if line["phase"] == "train"]
        self.assertEqual(steps, list(range(1, 33)))
        self.assertEqual(round(log[-1]["accuracy"], 4), accuracy)
        self.assertIn("<svg", (run / "curves.svg").read_text())

    def assert_goes_on_where_it_was_killed(self, *options):
        """To the same bits as a run that was not."""
        options = [*options, "--checkpoint-every", "3"]
        accuracy, whole = train(self.root, *options)
        with subprocess.Popen([PROGRAM, *options], cwd=self.root, stdout=subprocess.PIPE, text=True) as killed:
            name = next(line.split()[-1] for line in killed.stdout if "the run goes to" in line)
            self.assertIn("checkpoint at step 9\n", killed.stdout)  # reads up to that line
            killed.kill()
        with open(Path(self.root, name, "log.jsonl"), "a") as log:
            log.write('{"phase":"train","epo')  # what a kill in the middle of a write would leave
        output = run(self.root, "--resume", name)
        again, resumed = result(self.root, output)
        self.assertEqual(resumed, Path(self.root, name))
        self.assertEqual(again, accuracy)
        self.assertEqual((resumed / "checkpoint.safetensors").read_bytes(),
                         (whole / "checkpoint.safetensors").read_bytes())
        self.assertNotIn("checkpoint at step 9\n", output)  # it did not start from scratch
        self.assertEqual(log_of(resumed), log_of(whole))
        return accuracy, whole

    def test_a_run_that_was_killed_goes_on_to_the_same_bits(self):
        self.assert_goes_on_where_it_was_killed(*SMALL)

    def test_a_run_that_was_killed_before_an_evaluation_makes_up_for_it(self):
        accuracy, run = train(self.root, *SMALL, "--checkpoint-every", "16")
        checkpoint = run / "checkpoint.safetensors"
        whole = checkpoint.read_bytes()
        forget_the_last_evaluation(checkpoint)
        again, _ = train(self.root, "--resume", run)
        self.assertEqual(again, accuracy)
        self.assertEqual(len(checkpoint.read_bytes()), len(whole))

    def test_trains_on_files_of_any_possible_size(self):
        directory = Path(self.root, "data")
        directory.mkdir()
        images.write_mnist(directory, train=128, test=30)
        common = [*SMALL, "--data", "fashion-mnist:data", "--epochs", "1"]
        runs = [train(self.root, *common, "--size", size)[1] for size in ("32", "16")]
        self.assertEqual([len(log_of(run)) for run in runs], [3, 3])
        self.assertNotEqual(log_of(runs[0]), log_of(runs[1]))
        for size, possible in (("33", "28"), ("15", "14")):
            self.assert_refused(
                [*common, "--size", size],
                f"[--size] expected {possible} plus an even number for images of 28, got {size}")
        self.assert_refused([*common, "--batch-size", "129"],
                            "[--batch-size] expected at most 128, the training images of fashion-mnist:data, got 129")
        self.assert_refused(["--data", "cifar10:data"], "data/data_batch_1.bin] expected a readable file")

    def test_amp_computes_in_another_precision(self):
        exact, mixed = (log_of(train(self.root, *SMALL, "--epochs", "1", *amp)[1]) for amp in ([], ["--amp"]))
        self.assertNotEqual(mixed[0]["loss"], exact[0]["loss"])
        self.assertAlmostEqual(mixed[0]["loss"], exact[0]["loss"], delta=0.1)

    def test_amp_in_f16_scales_the_loss_and_goes_on_with_its_scale(self):
        accuracy, run = self.assert_goes_on_where_it_was_killed(*SMALL, "--amp", "--amp-dtype", "f16")
        self.assertGreater(accuracy, 0.5)
        self.assertEqual(json.loads((run / "config.json").read_text())["amp"], "f16")
        self.assertIn(b'"scaler.scale"', (run / "checkpoint.safetensors").read_bytes())

    def test_the_last_of_an_options_values_counts(self):
        _, run = train(self.root, *SMALL, "--epochs", "2", "--epochs", "1")
        self.assertEqual(json.loads((run / "config.json").read_text())["epochs"], 1)

    def test_says_what_is_wrong(self):
        for options, message in [
            (["--data", "imagenet"], "[--data] expected fashion-mnist[:DIR], cifar10:DIR or synthetic, got imagenet"),
            (["--resume", "nowhere"], "nowhere/checkpoint.safetensors"),
            (["--device", "tpu"], "expected auto, cpu or cuda:N"),
            (["--device", "cuda:x"], "expected auto, cpu or cuda:N"),
            (["--device", "cuda:-1"], "expected auto, cpu or cuda:N"),
            (["--data", "synthetic", "--width", "0"], "[ResNet] expected a width above 0 and up to 64, got 0"),
        ]:
            with self.subTest(options=options):
                self.assert_refused(options, message)
        self.assertFalse(Path(self.root, "runs").exists())

    def assert_refused(self, options, message):
        done = subprocess.run([PROGRAM, *options], cwd=self.root, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(message, done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
