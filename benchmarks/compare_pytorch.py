#!/usr/bin/env python3
"""Runs Fornax's benchmarks and the same work in PyTorch, by turns, and prints one JSON object with both and the ratio.

Models have no dropout in either. The PyTorch is that of the interpreter which runs this file. It gets what is known to
be best for it: channels_last and tcmalloc preloaded (Debian: apt-get install libgoogle-perftools4), without which most
of its time goes into page faults. A tuned BLAS helps its linear layers (libopenblas0-pthread); which one it has is
printed.

    benchmarks/compare_pytorch.py resnet50 --mode train --dtype f32 --batch 16 --size 224 --threads 2
    benchmarks/compare_pytorch.py models --model mobilenet_v2 --mode infer --batch 1 --compile
    benchmarks/compare_pytorch.py overhead

--compile gives PyTorch (2.0 and later) torch.compile in its mode max-autotune; without it, it runs eagerly.
"""
import argparse
import ctypes.util
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOWER_IS_BETTER = ("add_ns", "chain_us", "mlp_step_us")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["resnet50", "models", "overhead"])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "bin", help="where our programs are")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side; medians are compared")
    parser.add_argument("--peer-only", action="store_true", help="measure PyTorch alone")
    parser.add_argument("--json", type=pathlib.Path, help="write the result here too")
    parser.add_argument("--model", choices=["resnet18", "vgg16", "mobilenet_v2", "encoder_block"], default="resnet18",
                        help="of 'models'")
    parser.add_argument("--mode", choices=["train", "infer", "conv"], default="train")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224,
                        help="of images, or the length of encoder_block's sequences")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0, help="of PyTorch's measurement in one run")
    parser.add_argument("--peer-format", choices=["channels_last", "contiguous"], default="channels_last")
    parser.add_argument("--compile", action="store_true", help="PyTorch's compiled mode instead of its eager one")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.mode == "conv" and (args.what != "resnet50" or args.compile):
        parser.error("--mode conv is of resnet50, without --compile")
    if args.compile and args.what == "overhead":
        parser.error("--compile is of models")
    if args.as_peer:
        print(json.dumps(peer_overhead() if args.what == "overhead" else peer_model(args)))
        return

    ours, peer = [], []
    for _ in range(args.rounds):
        if not args.peer_only:
            ours.append(run_ours(args))
        peer.append(run_peer())
    result = {"what": args.what, "rounds": args.rounds, "fornax": medians(ours), "pytorch": medians(peer)}
    if ours:
        result["times_as_fast"] = ratios(result["fornax"], result["pytorch"])
    text = json.dumps(result, indent=2)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


def run_ours(args):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [args.bin / f"{args.what}_bench", "--json", out.name]
        if args.what != "overhead":
            command += ["--device", "cpu"]
            for option in ("mode", "dtype", "batch", "size", "threads"):
                command += [f"--{option}", str(getattr(args, option))]
        if args.what == "models":
            command += ["--model", args.model]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(pathlib.Path(out.name).read_text())


def run_peer():
    env = dict(os.environ)
    tcmalloc = ctypes.util.find_library("tcmalloc") or ctypes.util.find_library("tcmalloc_minimal")
    if tcmalloc:
        env["LD_PRELOAD"] = " ".join(filter(None, [tcmalloc, env.get("LD_PRELOAD")]))
    else:
        print("warning: no tcmalloc found, PyTorch runs at a fraction of its speed", file=sys.stderr)
    command = [sys.executable, *sys.argv, "--as-peer"]
    return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout)


def medians(runs):
    """One object from several: the median of each number that differs."""
    if not runs:
        return None
    return {key: statistics.median(run[key] for run in runs) if isinstance(value, float) else value
            for key, value in runs[0].items()}


def ratios(ours, peer):
    keys = [key for key in ("images_per_second", "samples_per_second", *LOWER_IS_BETTER) if key in ours and key in peer]
    return {key: round(peer[key] / ours[key] if key in LOWER_IS_BETTER else ours[key] / peer[key], 3) for key in keys}


def about_torch():
    import torch

    blas = next((line.split()[-1] for line in open("/proc/self/maps") if "blas" in line), "unknown")
    return {"version": torch.__version__, "blas": os.path.basename(blas),
            "tcmalloc": "tcmalloc" in os.environ.get("LD_PRELOAD", "")}


def seconds_of(step, at_least, repeats=3):
    """Median time of a call, measured for `at_least` seconds and `repeats` calls, after two to warm up."""
    for _ in range(2):
        step()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < at_least or len(times) < repeats:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def make_peer(name):
    import torch

    sys.path.insert(0, str(ROOT / "scripts"))
    from goldens import resnet, vgg_mobilenet

    if name == "encoder_block":
        return torch.nn.TransformerEncoderLayer(512, 8, 2048, dropout=0, batch_first=True)
    if name == "vgg16":
        return vgg_mobilenet.vgg16(1000, width=1)
    return getattr(resnet if name.startswith("resnet") else vgg_mobilenet, name)(1000)


def peer_model(args):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(args.threads)
    name = "resnet50" if args.what == "resnet50" else args.model
    model = make_peer(name)
    if name == "encoder_block":
        layout, inputs = "contiguous", torch.randn(args.batch, args.size, 512)
    else:
        layout = args.peer_format
        memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        model = model.to(memory_format=memory_format)
        inputs = torch.randn(args.batch, 3, args.size, args.size).to(memory_format=memory_format)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    if args.compile and not hasattr(torch, "compile"):
        sys.exit(f"--compile: expected PyTorch 2.0 or later, got {torch.__version__}")
    run = torch.compile(model, mode="max-autotune") if args.compile else model
    rows = args.batch * args.size if name == "encoder_block" else args.batch
    labels = torch.randint(0, 512 if name == "encoder_block" else 1000, (rows,))

    def train():
        with autocast:
            y = run(inputs)
            loss = F.cross_entropy(y.reshape(-1, y.shape[-1]), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def infer():
        with torch.no_grad(), autocast:
            run(inputs)

    if args.mode == "conv":
        step = convolutions_of(model, inputs, torch.bfloat16 if args.dtype == "bf16" else torch.float32)
    else:
        model.train(args.mode == "train")
        step = train if args.mode == "train" else infer
    taken = seconds_of(step, args.seconds)
    unit = "images" if args.what == "resnet50" else "samples"
    return {**about_torch(), "model": name, "mode": args.mode, "dtype": args.dtype, "batch": args.batch,
            "size": args.size, "threads": args.threads, "format": layout, "compiled": args.compile,
            f"{unit}_per_second": args.batch / taken,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def convolutions_of(model, images, dtype):
    """A call that runs forward and both gradients of every convolution (the first needs none of its input)."""
    import torch

    work = []

    def note(conv, inputs, output):
        x = inputs[0].detach().to(dtype)
        work.append((conv, x, conv.weight.detach().to(dtype), torch.randn_like(output).to(dtype), bool(work)))

    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()

    def step():
        for conv, x, weight, dy, needs_dx in work:
            torch.conv2d(x, weight, None, conv.stride, conv.padding)
            torch.ops.aten.convolution_backward(dy, x, weight, None, conv.stride, conv.padding, conv.dilation, False,
                                                [0, 0], 1, [needs_dx, True, False])

    return step


def peer_overhead():
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    a, b = torch.randn(16, requires_grad=True), torch.randn(16, requires_grad=True)

    def adds():
        for _ in range(100):
            a + b

    def chains():
        for _ in range(10):
            a.grad = None
            (a * a + a).sum().backward()

    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    images, labels = torch.randn(64, 784), torch.randint(0, 10, (64,))

    def mlp_step():
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return {**about_torch(), "add_ns": seconds_of(adds, 2) * 1e7, "chain_us": seconds_of(chains, 2) * 1e5,
            "mlp_step_us": seconds_of(mlp_step, 2) * 1e6}


if __name__ == "__main__":
    main()
