"""Matrix products."""
import torch
import torch.nn.functional as F

from .recorder import Recorder, Uniform


def record():
    r = Recorder()
    products(r)
    return r


def products(r):
    shapes = {
        "odd": ((5, 7), (7, 3)),
        "one_row": ((1, 13), (13, 9)),
        "one_column": ((13, 9), (9, 1)),
        "tiles_and_tails": ((37, 41), (41, 35)),
        "no_inner": ((3, 0), (0, 4)),
        "no_rows": ((0, 3), (3, 4)),
        "batched": ((3, 5, 7), (3, 7, 2)),
        "batch_of_one": ((1, 5, 7), (3, 7, 2)),
        "matrix_times_batch": ((5, 7), (3, 7, 2)),
        "batch_times_matrix": ((3, 5, 7), (7, 2)),
        "broadcast_batches": ((2, 1, 3, 4), (5, 4, 2)),
        "dot": ((7,), (7,)),
        "vector_times_matrix": ((7,), (7, 3)),
        "matrix_times_vector": ((5, 7), (7,)),
        "batch_times_vector": ((3, 5, 7), (7,)),
        "vector_times_batch": ((5,), (3, 5, 7)),
    }
    for name, (a, b) in shapes.items():
        r.case(torch.matmul, "matmul", name, [Uniform(a), Uniform(b)])

    def transposed(a, b, transpose_a, transpose_b):
        return torch.matmul(a.mT if transpose_a else a, b.mT if transpose_b else b)

    for a, b, ta, tb in (((7, 5), (7, 3), True, False), ((5, 7), (3, 7), False, True), ((7, 5), (3, 7), True, True),
                         ((2, 7, 5), (2, 3, 7), True, True)):
        name = f"{len(a)}d_{'t' if ta else 'n'}{'t' if tb else 'n'}"
        r.case(transposed, "matmul_transposed", name, [Uniform(a), Uniform(b)], transpose_a=ta, transpose_b=tb)

    for name, x in {"2d": (5, 7), "3d": (2, 3, 7), "1d": (7,), "no_rows": (0, 7)}.items():
        r.case(F.linear, "linear", name, [Uniform(x), Uniform((4, 7)), Uniform((4,))])
        r.case(F.linear, "linear", f"{name}_no_bias", [Uniform(x), Uniform((4, 7))])
    r.case(F.linear, "linear", "tiles_and_tails", [Uniform((19, 67)), Uniform((33, 67)), Uniform((33,))])
