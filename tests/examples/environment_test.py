"""What a program that links Fornax makes of its environment. Usage: environment_test.py PROGRAM"""

import os
import subprocess
import sys
import unittest

PROGRAM = None


def run(**variables):
    return subprocess.run([PROGRAM], env={**os.environ, **variables}, capture_output=True, text=True)


class Environment(unittest.TestCase):
    def test_fornax_log_prints_the_decisions_of_dispatch(self):
        self.assertIn("fornax dispatch conv2d direct runs\n", run(FORNAX_LOG="dispatch").stderr)
        self.assertEqual(run().stderr, "")

    def test_fornax_kernel_forces_kernels_by_name(self):
        done = run(FORNAX_KERNEL="conv2d=im2col,matmul=gemm", FORNAX_LOG="dispatch")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("fornax dispatch conv2d im2col runs\n", done.stderr)
        self.assertNotIn("fornax dispatch conv2d direct runs\n", done.stderr)

    def test_what_cannot_be_obeyed_ends_in_a_message(self):
        for variables, message in [
            ({"FORNAX_KERNEL": "matmul"}, '[FORNAX_KERNEL] expected op=kernel[,op=kernel...], got "matmul"'),
            ({"FORNAX_KERNEL": "conv2d=cudnn"}, "'cudnn' is forced"),
            ({"FORNAX_NUM_THREADS": "many"}, "expected FORNAX_NUM_THREADS to be 1 to 1024, got 'many'"),
            ({"FORNAX_ISA": "mmx"}, "expected FORNAX_ISA to be a level up to"),
        ]:
            with self.subTest(variables=variables):
                done = run(**variables)
                self.assertEqual(done.returncode, 1)
                self.assertIn(message, done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
