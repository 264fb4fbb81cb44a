"""Each rule of layout.py finds what was planted for it, and nothing in a good tree."""

import os
import tempfile
import unittest
from pathlib import Path

import layout

GOOD = {
    "include/fornax/fornax.h": '#include "fornax/base/a.h"\n#include "fornax/tensor/t.h"\n#include "fornax/nn/n.h"\n',
    "include/fornax/base/a.h": "#include <vector>\n",
    "include/fornax/tensor/t.h": '#include "fornax/base/a.h"\n',
    "include/fornax/nn/n.h": '#include "fornax/tensor/t.h"\n',
    "src/ops/x/x_op.h": '#include "fornax/base/a.h"\n',
    "src/ops/x/x_cpu.cpp": '#include <Eigen/Core>\n#include "ops/x/x_op.h"\n',
    "cuda/device/cuda.cuh": '#include <cuda_runtime.h>\n#include "runtime/check.h"\n',
    "cuda/device/r.cuh": '#include "device/cuda.cuh"\n',
    "cuda/ops/x/x.cu": '#include "device/cuda.cuh"\n__global__ void f();\n',
    "tests/cuda/planted/bounds/f.patch": "--- a/cuda/ops/x/x.cu\n+++ b/cuda/ops/x/x.cu\n@@ -2 +2 @@\n"
    "-__global__ void f();\n+__global__ void g();\n",
    "src/ops/x/x.cpp": '#include "fornax/tensor/t.h"\n#include "ops/x/x_op.h"\n',
}


class Layout(unittest.TestCase):
    def violations(self, rule, files=None):
        """What `rule` says of the good tree with one file replaced or added."""
        start = os.getcwd()
        with tempfile.TemporaryDirectory() as tree:
            for name, text in (GOOD | (files or {})).items():
                path = Path(tree, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            os.chdir(tree)
            try:
                return list(layout.RULES[rule]())
            finally:
                os.chdir(start)

    def assert_found(self, rule, name, text):
        found = self.violations(rule, {name: text})
        self.assertEqual(len(found), 1, found)

    def test_a_good_tree_has_no_violations(self):
        for rule in layout.RULES:
            self.assertEqual(self.violations(rule), [], rule)

    def test_a_lower_layer_that_includes_a_higher_one_is_found(self):
        self.assert_found("layers", "src/tensor/t.cpp", '#include "ops/x/x_op.h"\n')
        self.assert_found("layers", "include/fornax/tensor/t.h", '#include "fornax/nn/n.h"\n')

    def test_rooms_of_one_layer_that_include_each_other_are_found(self):
        self.assert_found("layers", "src/optim/o.cpp", '#include "fornax/nn/n.h"\n')

    def test_a_room_without_a_layer_is_found(self):
        self.assert_found("layers", "src/misc/m.cpp", "")

    def test_a_kernel_that_mentions_a_tensor_is_found(self):
        self.assert_found("kernels", "src/ops/x/x_cpu.cpp", "void f(const Tensor& x);\n")
        self.assert_found("kernels", "src/cpu/c.cpp", "// A Tensor\nTensor f(TensorView x);\n")

    def test_a_cu_file_without_device_code_is_found(self):
        self.assert_found("cuda_rooms", "cuda/ops/x/x.cu", "int f();\n")

    def test_a_device_header_that_includes_more_than_kernels_share_is_found(self):
        self.assert_found("cuda_rooms", "cuda/device/r.cuh", '#include "device/cuda.cuh"\n#include "runtime/launch.h"\n')

    def test_a_runtime_that_knows_an_op_is_found(self):
        self.assert_found("cuda_rooms", "cuda/runtime/r.cpp", '#include "ops/x/x_op.h"\n')

    def test_a_third_party_or_private_header_in_a_public_one_is_found(self):
        self.assert_found("public_headers", "include/fornax/base/a.h", "#include <fmt/format.h>\n")
        self.assert_found("public_headers", "include/fornax/base/a.h", '#include "ops/x/x_op.h"\n')

    def test_a_planted_bug_whose_file_has_changed_is_found(self):
        self.assert_found("planted", "cuda/ops/x/x.cu", '#include "device/cuda.cuh"\n__global__ void f(int);\n')

    def test_a_long_file_is_found(self):
        self.assert_found("file_lengths", "examples/e.cpp", "\n" * 451)


if __name__ == "__main__":
    unittest.main()
