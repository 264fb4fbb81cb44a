"""That a kernel beyond its limits is found and named. Usage: cuda_resources_test.py DIRECTORY of scripts"""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

LOG = """
ptxas info    : Compiling entry function '_ZN3ops3addIfEEvPT_' for 'sm_80'
ptxas info    : Function properties for _ZN3ops3addIfEEvPT_
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 12 registers, used 1 barriers, 400 bytes smem, 364 bytes cmem[0]
ptxas info    : Compiling entry function '_ZN3ops3addIdEEvPT_' for 'sm_90'
ptxas info    : Function properties for _ZN3ops3addIdEEvPT_
    {stack} bytes stack frame, {stack} bytes spill stores, 0 bytes spill loads
ptxas info    : Function properties for _Z6helperv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used {registers} registers, used 1 barriers
"""


class CudaResources(unittest.TestCase):
    def check(self, limits, registers=30, stack=0):
        with tempfile.TemporaryDirectory() as scratch:
            log, table = Path(scratch, "sum.log"), Path(scratch, "limits.txt")
            log.write_text(LOG.format(registers=registers, stack=stack))
            table.write_text(limits)
            with contextlib.redirect_stdout(io.StringIO()) as output:
                return cuda_resources.main([str(table), str(log)]), output.getvalue()

    def test_within_limits(self):
        self.assertEqual(self.check("* 30 400"), (0, "1 kernels are within their limits\n"))

    def test_each_excess_is_named(self):
        for change, what in (({"registers": 31}, "sum/add: 31 registers, at most 30 allowed; sm_90, void ops::add<double>"),
                             ({"stack": 8}, "sum/add: 8 spilled, at most 0 allowed; sm_90")):
            with self.subTest(what):
                code, output = self.check("* 30 400  # a comment", **change)
                self.assertEqual(code, 1)
                self.assertIn(what, output)
        self.assertIn("sum/add: 400 shared, at most 399 allowed; sm_80", self.check("* 30 399")[1])

    def test_a_limit_of_its_own_counts_instead(self):
        self.assertEqual(self.check("* 10 0\nsum/add 30 400")[0], 0)
        self.assertEqual(self.check("* 99 999\nsum/add 29 400")[0], 1)

    def test_a_limit_of_no_kernel_is_an_error(self):
        code, output = self.check("* 30 400\nsum/gone 99 999\nother/file 99 999")
        self.assertEqual(code, 1)
        self.assertIn("there is no kernel sum/gone", output)
        self.assertNotIn("other/file", output)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))
    import cuda_resources

    unittest.main()
