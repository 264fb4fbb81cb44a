"""Initialisers and the Philox generator."""
import math

import torch

from .recorder import Given, Integers, Recorder


def record():
    r = Recorder()
    initialisers(r)
    philox(r)
    return r


def initialisers(r):
    """out0: [bound] of uniform ones, [standard deviation] of normal ones. PyTorch's samples are held against it."""

    def holds(sample, bound):
        largest = sample.abs().max().item()
        assert 0.99 * bound < largest <= bound, (largest, bound)
        return torch.tensor([bound], dtype=torch.float64)

    torch.manual_seed(0)

    def linear(in_features, out_features, parameter):
        layer = torch.nn.Linear(in_features, out_features)
        return holds(getattr(layer, parameter), 1 / math.sqrt(in_features))

    def conv2d(in_channels, out_channels, kernel_size, groups, parameter):
        layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups)
        fan_in = in_channels // groups * kernel_size[0] * kernel_size[1]
        return holds(getattr(layer, parameter), 1 / math.sqrt(fan_in))

    for parameter in ("weight", "bias"):
        r.case(linear, "default_init_linear", parameter, [], in_features=37, out_features=4000, parameter=parameter)
        r.case(conv2d, "default_init_conv2d", parameter, [], in_channels=6, out_channels=3000, kernel_size=[3, 5],
               groups=2, parameter=parameter)

    def embedding(num_embeddings, embedding_dim):
        deviation = torch.nn.Embedding(num_embeddings, embedding_dim).weight.std().item()
        assert abs(deviation - 1) < 0.01, deviation
        return torch.tensor([1.0], dtype=torch.float64)

    r.case(embedding, "default_init_embedding", "standard_normal", [], num_embeddings=1000, embedding_dim=100)

    def batch_norm(num_features):
        layer = torch.nn.BatchNorm2d(num_features)
        return [t.detach().double() for t in (layer.weight, layer.bias, layer.running_mean, layer.running_var)]

    r.case(batch_norm, "default_init_batch_norm", "ones_and_zeros", [], num_features=3)

    shape = [400, 20, 3, 3]
    fans = {"fan_in": 20 * 9, "fan_out": 400 * 9}

    def kaiming_uniform(shape, mode, nonlinearity):
        gain = torch.nn.init.calculate_gain(nonlinearity)
        sample = torch.nn.init.kaiming_uniform_(torch.empty(shape), mode=mode, nonlinearity=nonlinearity)
        return holds(sample, gain * math.sqrt(3 / fans[mode]))

    def kaiming_normal(shape, mode, nonlinearity):
        deviation = torch.nn.init.calculate_gain(nonlinearity) / math.sqrt(fans[mode])
        sample = torch.nn.init.kaiming_normal_(torch.empty(shape), mode=mode, nonlinearity=nonlinearity)
        assert abs(sample.std().item() / deviation - 1) < 0.02
        return torch.tensor([deviation], dtype=torch.float64)

    for mode in fans:
        for nonlinearity in ("relu", "linear"):
            for function in (kaiming_uniform, kaiming_normal):
                r.case(function, function.__name__, f"{mode}_{nonlinearity}", [], shape=shape, mode=mode,
                       nonlinearity=nonlinearity)

    def xavier_uniform(shape, gain):
        sample = torch.nn.init.xavier_uniform_(torch.empty(shape), gain)
        return holds(sample, gain * math.sqrt(6 / sum(fans.values())))

    def xavier_normal(shape, gain):
        deviation = gain * math.sqrt(2 / sum(fans.values()))
        sample = torch.nn.init.xavier_normal_(torch.empty(shape), gain)
        assert abs(sample.std().item() / deviation - 1) < 0.02
        return torch.tensor([deviation], dtype=torch.float64)

    for function in (xavier_uniform, xavier_normal):
        for name, gain in (("gain_1", 1.0), ("gain_tanh", 5 / 3)):
            r.case(function, function.__name__, name, [], shape=shape, gain=gain)


def philox(r):
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).

    The first three rows of known answers are those of Random123 1.14, tests/kat_vectors:
      philox4x32 10 00000000 00000000 00000000 00000000 00000000 00000000 6627e8d5 e169c58d bc57ac4c 9b00dbd8
      philox4x32 10 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 408f276d 41c83b0e a20bc7c6 6d5451fd
      philox4x32 10 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0 d16cfe09 94fdcceb 5001e420 24126ea1
    The function below is the paper's, and must give them before it gives more.
    """
    known = [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
         [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
    ]

    def block(counter, key):
        c, k = list(counter), list(key)
        for _ in range(10):
            left, right = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [right >> 32 ^ c[1] ^ k[0], right & 0xFFFFFFFF, left >> 32 ^ c[3] ^ k[1], left & 0xFFFFFFFF]
            k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
        return c

    assert all(block(counter, key) == answer for counter, key, answer in known)

    def blocks(counters, keys):
        return torch.tensor([block(c, k) for c, k in zip(counters.tolist(), keys.tolist())])

    r.case(blocks, "philox4x32_10", "random123_known_answers",
           [Given([c for c, _, _ in known], dtype=torch.int64), Given([k for _, k, _ in known], dtype=torch.int64)])
    r.case(blocks, "philox4x32_10", "hashed", [Integers((8, 4), 0, 1 << 32), Integers((8, 2), 0, 1 << 32)])
