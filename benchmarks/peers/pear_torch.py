"""PEAR as plain PyTorch, written from the published formulation (arXiv 2505.17720): the peer of `model_step`.

usage: pear_torch.py FOLDER [--compile] [--threads N] [--repeats N]

FOLDER holds what `model_step` wrote: weights.safetensors (published names), masks and shifts as int64/uint8 files, the
input and its own output. Prints one JSON line: equality, seconds and memory of a forward pass and of a training step.
"""

import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

P, Z, SIDE = 49152, 8, 16
DIMS, DEPTHS, HEADS = (48, 96, 96, 48), (2, 6, 6, 2), (6, 12, 12, 6)
WINDOW = (2, 64)


def resident_mib(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def partition(x, tokens):
    b, z, p, c = x.shape
    x = x.view(b, z // WINDOW[0], WINDOW[0], p // WINDOW[1], WINDOW[1], c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, tokens, c)


def reverse(windows, shape):
    b, z, p, c = shape
    x = windows.view(b, z // WINDOW[0], p // WINDOW[1], WINDOW[0], WINDOW[1], c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(shape)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        tokens = WINDOW[0] * WINDOW[1]
        self.earth_position_bias = nn.Parameter(torch.zeros(1, heads, tokens, tokens))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x, mask):
        w, n, c = x.shape
        q, k, v = self.qkv(x).reshape(w, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * self.scale) @ k.transpose(-2, -1) + self.earth_position_bias
        if mask is not None:
            scores = scores.view(w // mask.shape[0], mask.shape[0], self.heads, n, n) + mask[None, :, None]
            scores = scores.view(w, self.heads, n, n)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(w, n, c))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads, shift):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp, self.shift = Attention(dim, heads), Mlp(dim), shift

    def forward(self, x):
        shortcut, shape, mask = x, x.shape, None
        if self.shift is not None:
            source, target, mask = self.shift
            x = torch.roll(x, -1, 1)[:, :, source]
        x = reverse(self.attn(partition(x, WINDOW[0] * WINDOW[1]), mask), shape)
        if self.shift is not None:
            x = torch.roll(x[:, :, target], 1, 1)
        x = shortcut + self.norm1(x)
        return x + self.norm2(self.mlp(x))


class Stage(nn.Module):
    def __init__(self, stage, shift):
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(DIMS[stage], HEADS[stage], shift if j % 2 else None) for j in range(DEPTHS[stage])
        )

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj_surface = nn.Conv1d(4, DIMS[0], SIDE, SIDE)
        self.proj_upper = nn.Conv2d(5, DIMS[0], (2, SIDE), (2, SIDE))

    def forward(self, surface, upper):
        upper = self.proj_upper(F.pad(upper, (0, 0, 1, 0)))
        return torch.cat([self.proj_surface(surface)[:, :, None], upper], 2).permute(0, 2, 3, 1)


class Merge(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        b, z, p, c = x.shape
        return self.reduction(self.norm(x.reshape(b, z, p // 4, 4 * c)))


class Expand(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.expand = nn.Linear(dim, 2 * dim, bias=False)
        self.norm, self.linear = nn.LayerNorm(dim // 2), nn.Linear(dim // 2, dim // 2, bias=False)

    def forward(self, x):
        b, z, p, c = x.shape
        return self.linear(self.norm(self.expand(x).view(b, z, 4 * p, c // 2)))


class Recover(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_surface = nn.ConvTranspose1d(2 * DIMS[0], 4, SIDE, SIDE)
        self.conv_upper = nn.ConvTranspose2d(2 * DIMS[0], 5, (2, SIDE), (2, SIDE))

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        return self.conv_surface(x[:, :, 0]), self.conv_upper(x[:, :, 1:])[:, :, :13]


class Pear(nn.Module):
    def __init__(self, shifts):
        super().__init__()
        self.patch_embed = Embed()
        self.layers = nn.ModuleList(Stage(i, shifts[1 if i in (1, 2) else 0]) for i in range(4))
        self.downsample, self.norm = Merge(DIMS[0]), nn.LayerNorm(DIMS[1])
        self.upsample, self.final_up = Expand(DIMS[1]), Recover()

    def forward(self, surface, upper):
        skip = self.layers[0](self.patch_embed(surface, upper))
        x = self.layers[2](self.layers[1](self.downsample(skip)))
        x = self.layers[3](self.upsample(self.norm(x)))
        return self.final_up(torch.cat([skip, x], -1))


def read(folder, name, dtype, shape):
    return torch.from_numpy(np.fromfile(os.path.join(folder, name), dtype).reshape(shape))


def read_shift(folder, name):
    """Pixel sources and the additive mask of every window; the mask is expanded as the published program does."""
    source = read(folder, f"{name}_source.i64", np.int64, (-1,))
    target = torch.empty_like(source)
    target[source] = torch.arange(len(source))
    pixel = read(folder, f"{name}_pixel_label.i32", np.int32, (-1, WINDOW[1]))
    stack = read(folder, f"{name}_stack_label.i32", np.int32, (-1, WINDOW[0]))
    labels = stack[:, None, :, None] * 1000 + pixel[None, :, None, :]
    labels = labels.reshape(-1, WINDOW[0] * WINDOW[1])
    return source, target, (labels[:, :, None] != labels[:, None, :]).float() * -100.0


def best(repeats, work):
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder")
    options.add_argument("--compile", action="store_true")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeats", type=int, default=3)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    from safetensors.torch import load_file

    net = Pear([read_shift(options.folder, "fine"), read_shift(options.folder, "coarse")])
    net.load_state_dict(load_file(os.path.join(options.folder, "weights.safetensors")))
    surface = read(options.folder, "surface.f32", np.float32, (1, 4, P))
    upper = read(options.folder, "upper.f32", np.float32, (1, 5, 13, P))
    expected = read(options.folder, "output_surface.f32", np.float32, (1, 4, P))
    expected_upper = read(options.folder, "output_upper.f32", np.float32, (1, 5, 13, P))
    run = torch.compile(net) if options.compile else net
    optimizer = torch.optim.AdamW(net.parameters(), 5e-4, weight_decay=3e-6)

    def forward():
        with torch.no_grad():
            return run(surface, upper)

    def step():
        optimizer.zero_grad()
        y = run(surface, upper)
        (0.25 * (y[0] - surface).abs().mean() + (y[1] - upper).abs().mean()).backward()
        optimizer.step()

    net.eval()
    y = forward()
    scale = expected.abs().max().item()
    error = max((y[0] - expected).abs().max().item(), (y[1] - expected_upper).abs().max().item()) / scale
    result = {"torch": torch.__version__, "compiled": options.compile, "threads": torch.get_num_threads()}
    result |= {"relative_difference": error, "forward_s": best(options.repeats, forward)}
    net.train()
    before = resident_mib("VmRSS")
    result["step_s"] = best(options.repeats, step)
    result["step_memory_mib"] = resident_mib("VmHWM") - before
    print(json.dumps(result))


if __name__ == "__main__":
    main()
