"""ResNet-18 and ResNet-50: logits, gradients and running statistics of one step, and a loss trajectory."""
import json

import numpy as np
import torch
import torch.nn.functional as F

from .recorder import Recorder
from .resnet import batch, fill, fingerprint, resnet18, resnet50


def record():
    r = Recorder()
    for make in (resnet18, resnet50):
        one_step(r, make, count=4, size=64, classes=1000)
    trajectory(r, steps=10, count=16, size=33, classes=10, lr=0.01, momentum=0.9, weight_decay=1e-4)
    return r


def one_step(r, make, **options):
    prefix = make.__name__
    r.metadata[prefix] = json.dumps(options, sort_keys=True)
    model = fill(make(options["classes"]), prefix)
    images, labels = batch(prefix, **options)
    with torch.no_grad():
        r.put(f"{prefix}/eval_logits", model.eval()(images))
    logits = model.train()(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    r.put(f"{prefix}/train_logits", logits)
    r.put(f"{prefix}/loss", loss)
    # Norms take the bias of the convolution before them away: of its gradient there is rounding alone.
    gradients = [(name, p.grad) for name, p in model.named_parameters() if p.grad.norm() > 1e-12]
    statistics = [(name, b) for name, b in model.named_buffers() if b.is_floating_point()]
    for kind, named in (("gradients", gradients), ("buffers", statistics)):
        r.metadata[f"{prefix}/{kind}"] = json.dumps([name for name, _ in named])
        for what, array in fingerprint(named, prefix).items():
            r.put(f"{prefix}/{kind}/{what}", array)


def losses(dtype, steps, count, size, classes, nudge=0.0, layout=torch.contiguous_format, **sgd):
    model = fill(resnet50(classes), "trajectory").to(dtype=dtype, memory_format=layout)
    images, labels = batch("trajectory", count, size, classes)
    images = (images + nudge * torch.sign(images)).to(dtype=dtype, memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), **sgd)
    values = []
    for _ in range(steps):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return np.array(values)


def trajectory(r, **options):
    """SGD over one batch, in double and, one row for each of PyTorch's sets of kernels, in single precision.

    Nudging every pixel by 1e-15 must leave the exact losses alone, or they would prove nothing.
    """
    r.metadata["trajectory"] = json.dumps(options, sort_keys=True)
    exact = losses(torch.float64, **options)
    shift = np.abs(losses(torch.float64, nudge=1e-15, **options) - exact).max()
    assert shift < 1e-13, shift
    single = [losses(torch.float32, layout=torch.contiguous_format, **options),
              losses(torch.float32, layout=torch.channels_last, **options)]
    with torch.backends.mkldnn.flags(enabled=False):
        single.append(losses(torch.float32, **options))
    r.put("trajectory/losses_f64", exact)
    r.put("trajectory/losses_f32", np.array(single))
