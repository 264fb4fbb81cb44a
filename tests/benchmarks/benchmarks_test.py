"""That the benchmarks run, and the names in their JSON, which others read. Usage: benchmarks_test.py DIRECTORY DEVICE"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DIRECTORY = DEVICE = None


def result(program, *options):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "result.json")
        subprocess.run([DIRECTORY / program, "--seconds", "0", "--json", path, *options], check=True,
                       stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())


class Benchmarks(unittest.TestCase):
    def test_resnet50_bench(self):
        for mode, dtype, width in (("train", "f32", "1"), ("train", "bf16", "0.125"), ("train", "f16", "0.125"),
                                   ("infer", "f16", "0.125"), ("conv", "bf16", "0.125")):
            with self.subTest(mode=mode, dtype=dtype):
                values = result("resnet50_bench", "--device", DEVICE, "--mode", mode, "--dtype", dtype, "--batch", "4",
                                "--size", "32", "--threads", "1", "--width", width if DEVICE == "cpu" else "0.125")
                self.assertEqual(set(values), {
                    "device", "mode", "dtype", "batch", "size", "threads", "images_per_second", "gflops",
                    "peak_gflops", "fraction_of_peak", "mb_per_image", "peak_gb_per_s", "fraction_of_roofline",
                    "peak_memory_mb"})
                self.assertEqual([values[key] for key in ("device", "mode", "dtype", "batch", "size", "threads")],
                                 [DEVICE, mode, dtype, 4, 32, 1])
                self.assertAlmostEqual(values["fraction_of_peak"], values["gflops"] / values["peak_gflops"])
                of_memory = values["mb_per_image"] * values["images_per_second"] / (1e3 * values["peak_gb_per_s"])
                self.assertAlmostEqual(values["fraction_of_roofline"], max(values["fraction_of_peak"], of_memory))
                self.assertGreater(values["images_per_second"], 0)
                self.assertGreater(values["peak_memory_mb"], 0)

    def test_what_moves_is_that_of_a_fused_step(self):
        values = result("resnet50_bench", "--device", DEVICE, "--mode", "conv", "--batch", "4", "--size", "32",
                        "--width", "0.125")
        # By hand, from the sizes of the 53 convolutions: three passes over inputs and outputs, two of the first one.
        convolutions, size, channels = [(3, 32, 8, 16)], 8, 8
        for width, blocks in ((8, 3), (16, 4), (32, 6), (64, 3)):
            for block in range(blocks):
                small = size // 2 if block == 0 and width > 8 else size
                convolutions += [(channels, size, width, size), (width, size, width, small), (width, small, 4 * width, small)]
                if block == 0:
                    convolutions.append((channels, size, 4 * width, small))
                size, channels = small, 4 * width
        elements = [c * s * s + k * o * o for c, s, k, o in convolutions]
        self.assertEqual(len(elements), 53)
        self.assertAlmostEqual(values["mb_per_image"], 4e-6 * (3 * sum(elements) - elements[0]))

    def test_each_kind_of_convolution_by_itself(self):
        values = result("resnet50_bench", "--device", DEVICE, "--mode", "conv", "--by-shape", "--batch", "4", "--size", "32",
                        "--width", "0.125")
        rows, passes = values["shapes"], ["forward_gflops", "grad_input_gflops", "grad_weight_gflops"]
        self.assertEqual(sum(row["count"] for row in rows), 53)
        for row in rows:
            of_images = row["x"] == "[4,3,32,32]"  # whose gradient nobody asks for
            self.assertEqual(set(row), {"x", "weight", "stride", "count", *passes} - {of_images and passes[1]})
        for name in passes:
            own = [row[name] for row in rows if name in row]
            self.assertTrue(0 < min(own) <= values[name] <= max(own))

    def test_by_shape_wants_convolutions(self):
        done = subprocess.run([DIRECTORY / "resnet50_bench", "--by-shape"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("[--by-shape] expected --mode conv, got --mode train", done.stderr)

    def test_models_bench(self):
        for model, mode in ((("resnet18", "train"), ("vgg16", "infer"), ("mobilenet_v2", "infer"), ("encoder_block", "train"))
                            if DEVICE == "cpu" else (("encoder_block", "infer"),)):
            with self.subTest(model=model, mode=mode):
                values = result("models_bench", "--device", DEVICE, "--model", model, "--mode", mode, "--batch", "2", "--size",
                                "32" if DEVICE == "cpu" else "2", "--threads", "1")
                self.assertEqual(set(values), {"device", "model", "mode", "dtype", "batch", "size", "threads",
                                               "samples_per_second", "peak_memory_mb"})
                self.assertEqual([values[key] for key in ("model", "mode", "batch")], [model, mode, 2])
                self.assertGreater(values["samples_per_second"], 0)

    def test_overhead_bench(self):
        if DEVICE != "cpu":
            self.skipTest("measures the CPU")
        values = result("overhead_bench")
        self.assertEqual(set(values), {"add_ns", "chain_us", "mlp_step_us"})
        self.assertTrue(all(value > 0 for value in values.values()))

    def test_loader_bench(self):
        if DEVICE != "cpu":
            self.skipTest("measures the CPU")
        values = result("loader_bench", "--images", "2", "--size", "64", "--train-batches", "2")
        self.assertEqual(set(values), {"images", "bytes_per_image", "size", "decode_images_per_second",
                                       "pipeline_images_per_second", "pipeline_by_decode", "sample_bytes", "copy_us",
                                       "overhead_us", "overhead_with_worker_us", "train_images_per_second",
                                       "data_wait_percent"})
        self.assertEqual([values[key] for key in ("images", "size", "sample_bytes")], [2, 64, 3072])
        self.assertTrue(100_000 <= values["bytes_per_image"] <= 120_000)
        self.assertGreater(values["pipeline_by_decode"], 0)
        self.assertGreater(values["train_images_per_second"], 0)
        self.assertTrue(0 <= values["data_wait_percent"] < 100)

    def test_op_bench(self):
        values = result("op_bench", "--device", DEVICE, "--filter", "clone", "--batch", "1", "--threads", "1")
        self.assertEqual([value["op"] for value in values], ["clone"])
        self.assertEqual(set(values[0]), {"op", "shapes", "dtype", "device", "threads", "seconds", "gb_per_s",
                                          "fraction_of_bandwidth", "gflop_per_s", "fraction_of_peak"})


if __name__ == "__main__":
    DIRECTORY, DEVICE = Path(sys.argv.pop(1)), sys.argv.pop(1)
    unittest.main()
