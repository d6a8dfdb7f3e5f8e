"""What every peer does: read what `model_step` wrote, compare outputs, measure, print one JSON line.

usage: PEER.py FOLDER [--compile] [--cpu-time] [--threads N] [--repeats N]

FOLDER holds task.json (configuration of the network, weights of the loss), weights.safetensors (published names) and
fields.safetensors (inputs, targets, the outputs of `model_step`, and the shifts and labels of windows).
"""

import argparse
import json
import os
import time

import torch


def resident_mib(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def best(repeats, clock, work):
    work()
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def listed(fields, kind):
    count = sum(name.startswith(kind + ".") for name in fields)
    return [fields[f"{kind}.{i}"] for i in range(count)]


def shift_of(fields, name):
    """Tensors `windows.NAME.…` by the last part of their names."""
    prefix = f"windows.{name}."
    return {key[len(prefix):]: value for key, value in fields.items() if key.startswith(prefix)}


def difference(y, expected):
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(y, expected, strict=True))


def main(build):
    """build(configuration, fields) -> (network, function from a name in the file to the network's)."""
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--compile", action="store_true")
    options.add_argument("--cpu-time", action="store_true")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    from safetensors.torch import load_file

    with open(os.path.join(options.folder, "task.json"), encoding="utf-8") as file:
        task = json.load(file)
    fields = load_file(os.path.join(options.folder, "fields.safetensors"))
    weights = load_file(os.path.join(options.folder, "weights.safetensors"))
    net, rename = build(task["config"], fields)
    net.load_state_dict({rename(name): value for name, value in weights.items()})
    del weights
    inputs, targets, expected = (listed(fields, kind) for kind in ("input", "target", "output"))
    run = torch.compile(net) if options.compile else net
    optimizer = torch.optim.AdamW(net.parameters(), 5e-4, weight_decay=3e-6)

    def forward():
        with torch.no_grad():
            return run(*inputs)

    def step():
        optimizer.zero_grad()
        y = run(*inputs)
        sum(w * (a - b).abs().mean() for w, a, b in zip(task["loss"], y, targets, strict=True)).backward()
        optimizer.step()

    clock = time.process_time if options.cpu_time else time.perf_counter
    net.eval()
    result = {"torch": torch.__version__, "compiled": options.compile, "threads": torch.get_num_threads()}
    result["parameters"] = sum(p.numel() for p in net.parameters())
    result["relative_difference"] = difference(forward(), expected)
    result["forward_s"] = best(options.repeats, clock, forward)
    net.train()
    before = resident_mib("VmRSS")
    result["step_s"] = best(options.repeats, clock, step)
    result["step_memory_mib"] = resident_mib("VmHWM") - before
    print(json.dumps(result))
