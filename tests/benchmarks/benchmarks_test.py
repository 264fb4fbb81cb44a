"""That the benchmarks run, and the names in their JSON, which others read. Usage: benchmarks_test.py DIRECTORY"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DIRECTORY = None


def result(program, *options):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "result.json")
        subprocess.run([DIRECTORY / program, "--seconds", "0", "--json", path, *options], check=True,
                       stdout=subprocess.DEVNULL)
        return json.loads(path.read_text())


class Benchmarks(unittest.TestCase):
    def test_resnet50_bench(self):
        for mode in ("train", "infer", "conv"):
            with self.subTest(mode=mode):
                values = result("resnet50_bench", "--mode", mode, "--batch", "2", "--size", "32", "--threads", "1")
                self.assertEqual(set(values), {
                    "device", "mode", "dtype", "batch", "size", "threads", "images_per_second", "gflops",
                    "peak_gflops", "fraction_of_peak", "peak_memory_mb"})
                self.assertEqual([values[key] for key in ("device", "mode", "dtype", "batch", "size", "threads")],
                                 ["cpu", mode, "f32", 2, 32, 1])
                self.assertAlmostEqual(values["fraction_of_peak"], values["gflops"] / values["peak_gflops"])
                self.assertGreater(values["images_per_second"], 0)

    def test_overhead_bench(self):
        values = result("overhead_bench")
        self.assertEqual(set(values), {"add_ns", "chain_us", "mlp_step_us"})
        self.assertTrue(all(value > 0 for value in values.values()))

    def test_op_bench(self):
        values = result("op_bench", "--filter", "clone", "--batch", "1", "--threads", "1")
        self.assertEqual([value["op"] for value in values], ["clone"])
        self.assertEqual(set(values[0]), {"op", "shapes", "dtype", "device", "threads", "seconds", "gb_per_s", "gflop_per_s"})


if __name__ == "__main__":
    DIRECTORY = Path(sys.argv.pop(1))
    unittest.main()
