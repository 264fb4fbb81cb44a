"""What train_resnet50 prints and leaves. Usage: train_resnet50_test.py PROGRAM"""

import io
import json
import re
import resource
import signal
import subprocess
import sys
import tarfile
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


def latest(run):
    """The last checkpoint of a run, whole."""
    return (run / "checkpoints" / "latest.safetensors").read_bytes()


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
        self.assertIn("<h1>resnet50 on synthetic</h1>", (run / "report.html").read_text())
        self.assertIn(b'"fc.weight"', (run / "model.safetensors").read_bytes())

    def start(self, *options):
        """A run that makes a checkpoint every three steps; it has just begun."""
        process = subprocess.Popen([PROGRAM, *options, "--checkpoint-every", "3"], cwd=self.root,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        name = next(line.split()[-1] for line in process.stdout if "the run goes to" in line)
        return process, Path(self.root, name)

    def assert_goes_on(self, directory, *options):
        """To the same bits as a run that was not interrupted, which it returns."""
        accuracy, whole = train(self.root, *options, "--checkpoint-every", "3")
        output = run(self.root, "--resume", directory)
        again, resumed = result(self.root, output)
        self.assertEqual(resumed, directory)
        self.assertEqual(again, accuracy)
        self.assertEqual(latest(resumed), latest(whole))
        self.assertEqual((resumed / "log.jsonl").read_bytes(), (whole / "log.jsonl").read_bytes())
        self.assertEqual((resumed / "curves.svg").read_bytes(), (whole / "curves.svg").read_bytes())
        self.assertIn("going on from", output)
        self.assertNotIn("checkpoint at step 3\n", output)  # it did not start from scratch
        return accuracy, whole

    def assert_goes_on_where_it_was_killed(self, *options):
        process, directory = self.start(*options)
        self.assertIn("checkpoint at step 9\n", process.stdout)  # reads up to that line
        process.kill()
        process.wait()
        with open(directory / "log.jsonl", "a") as log:
            log.write('{"phase":"train","epo')  # what a kill in the middle of a write would leave
        return self.assert_goes_on(directory, *options)

    def test_a_run_that_was_killed_goes_on_to_the_same_bits(self):
        self.assert_goes_on_where_it_was_killed(*SMALL)

    def test_a_run_that_was_killed_in_the_middle_of_a_checkpoint_goes_on_to_the_same_bits(self):
        process, directory = self.start(*SMALL)
        self.assertIn("checkpoint at step 6\n", process.stdout)
        size = (directory / "checkpoints" / "latest.safetensors").stat().st_size
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size // 2, size // 2))  # the next one kills it
        self.assertEqual(process.wait(), -signal.SIGXFSZ)
        self.assertTrue(any((directory / "checkpoints").glob("*.tmp")))
        self.assert_goes_on(directory, *SMALL)
        self.assertFalse(any((directory / "checkpoints").glob("*.tmp")))

    def test_a_run_whose_last_checkpoint_is_corrupt_goes_on_from_the_one_before(self):
        process, directory = self.start(*SMALL)
        self.assertIn("checkpoint at step 9\n", process.stdout)
        process.kill()
        process.wait()
        last = (directory / "checkpoints" / "latest.safetensors").resolve()
        bytes = bytearray(last.read_bytes())
        bytes[len(bytes) // 2] ^= 1
        last.write_bytes(bytes)
        self.assertIn(f"left out: [{directory}/checkpoints/{last.name}] expected bytes of checksum",
                      run(self.root, "--resume", directory, "--epochs", "1"))

    def test_a_run_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bits(self):
        for sent, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            with self.subTest(sent=sent):
                process, directory = self.start(*SMALL)
                self.assertIn("checkpoint at step 3\n", process.stdout)
                process.send_signal(sent)
                output, _ = process.communicate()
                self.assertEqual(process.returncode, code, output)
                self.assertRegex(output.splitlines()[-1], r"stopped after step \d+; --resume \S+ goes on")
                self.assert_goes_on(directory, *SMALL)

    def test_a_run_that_has_no_checkpoint_yet_starts_anew(self):
        accuracy, whole = train(self.root, *SMALL, "--epochs", "1")
        last = latest(whole)
        for file in (whole / "checkpoints").iterdir():
            file.unlink()
        log = log_of(whole)
        self.assert_refused(["--resume", whole, "--eval-only"], "[--eval-only] expected a run that has a checkpoint, got")
        self.assertEqual(log_of(whole), log)
        output = run(self.root, "--resume", whole)
        self.assertIn("no checkpoint in", output)
        self.assertEqual(result(self.root, output)[0], accuracy)
        self.assertEqual(latest(whole), last)
        self.assertEqual(len(log_of(whole)), 17)

    def test_a_finished_run_is_evaluated_again_and_can_be_prolonged(self):
        accuracy, whole = train(self.root, *SMALL, "--epochs", "1", "--schedule", "constant")
        last = latest(whole)
        self.assertEqual(train(self.root, "--resume", whole, "--eval-only")[0], accuracy)
        self.assertEqual(train(self.root, "--resume", whole)[0], accuracy)
        self.assertEqual(latest(whole), last)
        longer, _ = train(self.root, "--resume", whole, "--epochs", "2")
        self.assertEqual(longer, train(self.root, *SMALL, "--schedule", "constant")[0])

    def test_every_recipe_trains(self):
        for options in (["--optimizer", "adamw", "--lr", "0.002", "--schedule", "cosine", "--warmup", "0.5",
                         "--mixup", "0.2"],
                        ["--schedule", "step", "--label-smoothing", "0.1", "--clip-grad-norm", "1", "--ema", "0.9"],
                        ["--accumulate", "3", "--patience", "1", "--tensorboard", "--cutmix", "1"]):
            with self.subTest(options=options):
                accuracy, run = train(self.root, *SMALL, *options)
                self.assertEqual(len(list(run.glob("tensorboard/events.out.tfevents.*"))), "--tensorboard" in options)
                self.assertGreater(accuracy, 0.3)
                steps = [line["step"] for line in log_of(run) if line["phase"] == "train"]
                self.assertEqual(steps[-1], 12 if "--accumulate" in options else 32)

    def test_trains_on_image_files_and_from_weights(self):
        colours = {"dark": 20, "light": 220}
        for part, count in (("train", 24), ("val", 8)):
            for name, level in colours.items():
                directory = Path(self.root, "images", part, name)
                directory.mkdir(parents=True)
                for i in range(count):
                    (directory / f"{i}.png").write_bytes(images.png(40, 48, level + i % 8))
        common = [*SMALL, "--data", "imagefolder:images", "--batch-size", "8", "--model", "resnet18", "--lr", "0.02"]
        accuracy, first = train(self.root, *common)
        self.assertGreater(accuracy, 0.9)
        # The weights of two classes begin a training on ten, but for the head.
        tuned = log_of(train(self.root, *SMALL, "--model", "resnet18", "--finetune", first / "model.safetensors",
                             "--epochs", "1")[1])
        plain = log_of(train(self.root, *SMALL, "--model", "resnet18", "--epochs", "1")[1])
        self.assertNotEqual(tuned[0]["loss"], plain[0]["loss"])
        self.assert_refused([*SMALL, "--finetune", first / "model.safetensors"],
                            "[--finetune] expected weights of resnet50, got others: 'layer1.0.")
        corrupt = Path(self.root, "images", "train", "dark", "3.png")
        corrupt.write_bytes(corrupt.read_bytes()[:60])
        self.assert_refused(common, "train/dark/3.png")
        train(self.root, *common, "--epochs", "1", "--skip-corrupt")

    def test_trains_on_shards_and_goes_on_to_the_same_bits(self):
        for part, shards in (("train", 4), ("val", 1)):
            for shard in range(shards):
                with tarfile.open(Path(self.root, f"few-{part}-{shard:02d}.tar"), "w") as tar:
                    for i in range(24):
                        for name, data in (("png", images.png(24, 24, [20, 220][i % 2] + i % 8)), ("cls", b"%d" % (i % 2))):
                            member = tarfile.TarInfo(f"{shard}/{i:04d}.{name}")
                            member.size = len(data)
                            tar.addfile(member, io.BytesIO(data))
        common = [*SMALL, "--batch-size", "8", "--model", "resnet18", "--lr", "0.02"]
        accuracy, _ = self.assert_goes_on_where_it_was_killed(*common, "--data", "wds:few-train-{00..03}.tar")
        self.assertGreater(accuracy, 0.9)
        self.assert_refused([*common, "--data", "wds:few-train-{00..04}.tar"], "[few-train-04.tar] expected a file")
        for pattern in ("few-val-*.tar", "few-train-03.tar"):
            self.assert_refused([*common, "--data", f"wds:{pattern}"],
                                '[--data] expected a pattern with "train", and files that match it with "val" or '
                                f'"validation" instead, got {pattern}')

    def test_trains_on_records_whose_labels_count_from_0_or_1(self):
        goldens = Path(__file__).resolve().parent.parent / "goldens"
        for name in ("slim", "tfds"):
            for part in ("train", "validation"):
                Path(self.root, f"{name}-{part}").write_bytes((goldens / f"shard_{name}.tfrecord").read_bytes())
        runs = [train(self.root, *SMALL, "--batch-size", "3", "--data", f"tfrecord:{name}-train")[1] for name in ("slim", "tfds")]
        self.assertEqual(log_of(runs[0]), log_of(runs[1]))

    def test_a_loss_that_is_not_finite_is_an_error_that_can_name_the_op(self):
        diverging = [*SMALL, "--lr", "1e30", "--schedule", "constant"]
        self.assert_refused(diverging, "[trainer] expected a finite loss, got")
        done = subprocess.run([PROGRAM, *diverging, "--anomaly"], cwd=self.root, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^\[(?!trainer)\w+\] .*(nan|inf)")

    def test_weights_that_are_not_finite_go_back_only_to_a_checkpoint(self):
        self.assert_refused([*SMALL, "--lr", "1e30", "--schedule", "constant", "--on-nan", "rollback"],
                            "and no checkpoint to roll back to")

    def test_the_batch_size_may_be_what_the_memory_holds(self):
        output = run(self.root, *SMALL, "--batch-size", "auto", "--epochs", "1")
        size = int(re.search(r"^batch size: (\d+)$", output, re.M)[1])
        _, directory = result(self.root, output)
        self.assertEqual(json.loads((directory / "config.json").read_text())["batch_size"], size)
        self.assertIn(f"\nbatch-size={size}\n", (directory / "options.ini").read_text())
        self.assertNotIn("batch size:", run(self.root, "--resume", directory, "--epochs", "2"))

    def test_leaves_a_table_event_files_and_a_trace_if_asked(self):
        output = run(self.root, *SMALL, "--csv", "--tensorboard", "--profile", "2")
        _, directory = result(self.root, output)
        rows = (directory / "log.csv").read_text().splitlines()
        self.assertEqual(rows[0], "phase,epoch,step,loss,accuracy,top5,grad_norm,lr")
        self.assertEqual(len(rows) - 1, len(log_of(directory)))
        self.assertTrue(list((directory / "tensorboard").glob("events.out.tfevents.*")))
        events = json.loads((directory / "trace.json").read_text())["traceEvents"]
        steps = [event for event in events if event.get("name") == "optimizer step"]
        self.assertEqual(len(steps), 2)
        self.assertRegex(output, r"(?m)^conv2d")

    def test_options_come_from_a_file(self):
        _, first = train(self.root, *SMALL, "--epochs", "1")
        _, second = train(self.root, "--config", first / "options.ini", "--lr", "0.01")
        self.assertEqual(json.loads((second / "config.json").read_text())["lr"], 0.01)
        self.assertEqual(len(log_of(second)), len(log_of(first)))

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
        self.assertIn(b'"scaler.scale"', latest(run))

    def test_the_last_of_an_options_values_counts(self):
        _, run = train(self.root, *SMALL, "--epochs", "2", "--epochs", "1")
        self.assertEqual(json.loads((run / "config.json").read_text())["epochs"], 1)

    def test_says_what_is_wrong(self):
        for options, message in [
            (["--data", "imagenet"], "[--data] expected fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, imagefolder:DIR, wds:GLOB, tfrecord:GLOB or synthetic, got imagenet"),
            (["--resume", "nowhere"], "[--resume] expected a run's directory, got nowhere without options.ini"),
            (["--mixup", "1", "--cutmix", "1"], "[--cutmix] expected it or --mixup, got both"),
            (["--eval-only"], "[--eval-only] expected --resume RUN with it, got none"),
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
