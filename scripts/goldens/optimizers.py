"""Optimizers, clipping, learning-rate schedules."""
import torch
from torch.optim import lr_scheduler

from .recorder import Recorder, Uniform

STEPS = 5


def record():
    r = Recorder()
    steps(r)
    clipping(r)
    schedules(r)
    return r


def steps(r):
    """in0 is the parameter, in1 ... its gradients; out0 ... the parameter after each step."""

    def trajectory(optimizer):
        def run(parameter, *gradients, **options):
            parameter = parameter.clone()
            opt = optimizer([parameter], **options)
            states = []
            for gradient in gradients:
                parameter.grad = gradient.clone()
                opt.step()
                states.append(parameter.clone())
            return states

        return run

    inputs = [Uniform((3, 5), grad=False)] * (1 + STEPS)
    sgd = {
        "plain": {},
        "momentum": {"momentum": 0.9},
        "dampened": {"momentum": 0.9, "dampening": 0.25},
        "nesterov": {"momentum": 0.9, "nesterov": True},
        "weight_decay": {"weight_decay": 0.03},
        "momentum_weight_decay": {"momentum": 0.9, "weight_decay": 0.03},
        "nesterov_weight_decay": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.03},
    }
    for name, options in sgd.items():
        r.case(trajectory(torch.optim.SGD), "sgd", name, inputs, lr=0.1, **options)
    adamw = {
        "default": {"weight_decay": 0.01},
        "no_decay": {"weight_decay": 0.0},
        "betas": {"betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.1},
    }
    for name, options in adamw.items():
        r.case(trajectory(torch.optim.AdamW), "adamw", name, inputs, lr=0.01, **options)


def clipping(r):
    """in0 ... are gradients; out0 ... the clipped ones, the last output the norm before clipping."""

    def clip(*gradients, max_norm, norm_type):
        parameters = [g.clone() for g in gradients]
        for p, g in zip(parameters, gradients):
            p.grad = g.clone()
        total = torch.nn.utils.clip_grad_norm_(parameters, max_norm, float(norm_type))
        return [p.grad for p in parameters] + [total]

    inputs = [Uniform(shape, grad=False) for shape in ((3, 5), (7,), ())]
    r.case(clip, "clip_grad_norm", "shrinks_large", inputs, max_norm=0.5, norm_type="2")
    r.case(clip, "clip_grad_norm", "leaves_small", inputs, max_norm=100.0, norm_type="2")


def schedules(r):
    """out0 is the learning rate of each step, starting with the first; out1 the momentum where that is cycled."""

    def rates(make, lr, count):
        opt = torch.optim.SGD([torch.zeros(1)], lr=lr, momentum=0.9)
        schedule, values = make(opt), {"lr": [], "momentum": []}
        for _ in range(count):
            for key, list_of in values.items():
                list_of.append(opt.param_groups[0][key])
            opt.step()
            schedule.step()
        changes = len(set(values["momentum"])) > 1
        return [torch.tensor(values[key]) for key in ("lr", "momentum")[: 1 + changes]]

    def simple(cls):
        return lambda lr, count, **options: rates(lambda opt: cls(opt, **options), lr, count)

    r.case(simple(lr_scheduler.StepLR), "step_lr", "plain", [], lr=0.1, count=25, step_size=7, gamma=0.3)
    r.case(simple(lr_scheduler.CosineAnnealingLR), "cosine_annealing_lr", "plain", [], lr=0.1, count=20, T_max=20,
           eta_min=0.0)
    r.case(simple(lr_scheduler.CosineAnnealingLR), "cosine_annealing_lr", "floor", [], lr=0.1, count=20, T_max=20,
           eta_min=0.003)
    r.case(simple(lr_scheduler.CosineAnnealingLR), "cosine_annealing_lr", "beyond_its_end", [], lr=0.1, count=50,
           T_max=20, eta_min=0.003)
    r.case(simple(lr_scheduler.LinearLR), "linear_lr", "warm_up", [], lr=0.1, count=12, start_factor=0.1,
           end_factor=1.0, total_iters=8)
    one_cycle = {"pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1e4, "cycle_momentum": False}
    for name, options in {"cos": {}, "linear": {"anneal_strategy": "linear"}, "early_peak": {"pct_start": 0.1},
                          "other_divisors": {"div_factor": 10.0, "final_div_factor": 100.0},
                          "momentum": {"cycle_momentum": True, "base_momentum": 0.8, "max_momentum": 0.95},
                          "three_phases": {"three_phase": True}}.items():
        options = {"anneal_strategy": "cos"} | one_cycle | options
        r.case(simple(lr_scheduler.OneCycleLR), "one_cycle_lr", name, [], lr=0.4, count=40, max_lr=0.4, total_steps=41,
               **options)

    def warm_up_then_cosine(lr, count, warm_up, T_max):
        def make(opt):
            parts = [lr_scheduler.LinearLR(opt, 0.1, 1.0, warm_up), lr_scheduler.CosineAnnealingLR(opt, T_max)]
            return lr_scheduler.SequentialLR(opt, parts, [warm_up])

        return rates(make, lr, count)

    r.case(warm_up_then_cosine, "sequential_lr", "warm_up_then_cosine", [], lr=0.2, count=24, warm_up=5, T_max=20)
