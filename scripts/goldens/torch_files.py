"""Files that torch.save() writes (tests/goldens/torch_*.pt), and what is in them."""
import json
import math
from collections import OrderedDict

import numpy as np
import torch

from . import hashing
from .recorder import Recorder
from .resnet import BasicBlock, ResNet


class TorchFiles(Recorder):
    """Saves further files beside its own."""

    def __init__(self):
        super().__init__()
        self.objects = {}

    def save(self, path):
        super().save(path)
        for name, (thing, options) in self.objects.items():
            torch.save(thing, path.with_name(f"torch_{name}.pt"), **options)


def record():
    r = TorchFiles()
    tensors = state_dict()
    r.objects["state_dict"] = tensors, {}
    for name, tensor in tensors.items():
        r.metadata[f"dtype/{name}"] = json.dumps(str(tensor.dtype))
        r.put(f"state_dict/{name}", tensor.double())
    r.objects["checkpoint"] = checkpoint(r), {}
    # Without tensors, whose keys are addresses in this format.
    r.objects["legacy"] = OrderedDict(epoch=1), {"_use_new_zipfile_serialization": False}
    r.objects["module"] = torch.nn.ReLU(), {}
    return r


def uniform(name, *shape):
    return torch.from_numpy(hashing.uniform(f"torch_files/{name}", shape).astype(np.float32))


def state_dict():
    """Every dtype, and every way in which a tensor can lie in its storage."""
    matrix = uniform("matrix", 3, 4)
    tensors = OrderedDict()
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        tensors[f"{dtype}"[6:]] = uniform(f"{dtype}", 2, 3).to(dtype)
    tensors["int64"] = torch.tensor([-(1 << 62), 7], dtype=torch.int64)
    tensors["int32"] = torch.tensor([-(1 << 30), 7], dtype=torch.int32)
    tensors["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    tensors["bool"] = torch.tensor([[True], [False]])
    tensors["scalar"] = torch.tensor(3, dtype=torch.int64)
    tensors["empty"] = torch.empty(0, 3, dtype=torch.float32)
    tensors["parameter"] = torch.nn.Parameter(uniform("parameter", 2))
    tensors["matrix"] = matrix
    tensors["matrix.transposed"] = matrix.t()
    tensors["matrix.row"] = matrix[1]
    tensors["matrix.every_second"] = matrix[:, 1::2]
    tensors["matrix.tail"] = matrix.view(-1)[10:]
    tensors["expanded"] = uniform("expanded", 1, 2).expand(3, 2)
    tensors["channels_last"] = uniform("channels_last", 1, 2, 2, 3).to(memory_format=torch.channels_last)
    tensors["größe"] = torch.ones(1, dtype=torch.float32)
    return tensors


def checkpoint(r):
    """A ResNet-18, an eighth as wide, as a data-parallel training would leave it. To keep the file small, weights are
    overlapping parts of few storages. Its logits go to `r`.
    """
    model = ResNet(BasicBlock, [2, 2, 2, 2], 10, first=8).float()
    tensors = model.state_dict(keep_vars=True)
    largest = max(tensor.numel() for tensor in tensors.values())
    pools = {  # offset and scale
        "running_var": 1 + 0.5 * uniform("running_var", 256),
        "weight": 0.75 + 0.25 * uniform("weight", 256),
        "bias": 0.1 * uniform("bias", 256),
        "running_mean": 0.1 * uniform("running_mean", 256),
        "convolution": 0.15 * uniform("convolution", largest + 64),
    }
    for i, (name, tensor) in enumerate(tensors.items()):
        if tensor.is_floating_point():
            pool = pools["convolution" if tensor.dim() > 1 else name.split(".")[-1]]
            tensor.data = pool[i % 64:][:tensor.numel()].view(tensor.shape)
    images = torch.from_numpy(2 * hashing.uniform("torch_files/images", (4, 3, 32, 32)))
    saved = OrderedDict((f"module.{name}", tensor) for name, tensor in model.state_dict().items())
    saved._metadata = model.state_dict()._metadata
    exact = ResNet(BasicBlock, [2, 2, 2, 2], 10, first=8).double()
    exact.load_state_dict(model.state_dict())
    with torch.no_grad():
        r.put("checkpoint/logits", exact.eval()(images))
    trained = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9)
    trained(uniform("features", 1, 2).double()).sum().backward()
    optimizer.step()
    return {"epoch": 90, "arch": "resnet18", "state_dict": saved, "best_acc1": 0.5, "amp": None, "nesterov": False,
            "seed": 1 << 100, "milestones": [30, 60, (math.pi, "cosine")], "optimizer": optimizer.state_dict()}
