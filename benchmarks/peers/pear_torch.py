"""PEAR as plain PyTorch, written from the published formulation (arXiv 2505.17720): the peer of `model_step`."""

import torch
from blocks import Block, NestedExpand, NestedMerge, NestedWindows, SingleBiasAttention, Stage
from measure import main, shift_of
from torch import nn
from torch.nn import functional as F


class Embed(nn.Module):
    def __init__(self, dim, patch):
        super().__init__()
        self.proj_surface = nn.Conv1d(4, dim, patch[1], patch[1])
        self.proj_upper = nn.Conv2d(5, dim, patch, patch)

    def forward(self, surface, upper):
        upper = self.proj_upper(F.pad(upper, (0, 0, 1, 0)))
        return torch.cat([self.proj_surface(surface)[:, :, None], upper], 2).permute(0, 2, 3, 1)


class Recover(nn.Module):
    def __init__(self, dim, patch):
        super().__init__()
        self.conv_surface = nn.ConvTranspose1d(2 * dim, 4, patch[1], patch[1])
        self.conv_upper = nn.ConvTranspose2d(2 * dim, 5, patch, patch)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        return self.conv_surface(x[:, :, 0]), self.conv_upper(x[:, :, 1:])[:, :, :13]


class Pear(nn.Module):
    def __init__(self, c, shifts):
        super().__init__()
        patch, dims, size = tuple(c["patch"]), c["dims"], c["window"]

        def stage(i):
            both = NestedWindows(size), NestedWindows(size, shifts[1 if i in (1, 2) else 0])
            attention = lambda: SingleBiasAttention(dims[i], c["heads"][i], size[0] * size[1])
            return Stage(Block(dims[i], attention(), both[j % 2]) for j in range(c["depths"][i]))

        self.patch_embed = Embed(dims[0], patch)
        self.layers = nn.ModuleList(stage(i) for i in range(4))
        self.downsample, self.norm = NestedMerge(dims[0]), nn.LayerNorm(dims[1])
        self.upsample, self.final_up = NestedExpand(dims[1], has_linear=True), Recover(dims[0], patch)

    def forward(self, surface, upper):
        skip = self.layers[0](self.patch_embed(surface, upper))
        x = self.layers[2](self.layers[1](self.downsample(skip)))
        x = self.layers[3](self.upsample(self.norm(x)))
        return self.final_up(torch.cat([skip, x], -1))


def build(config, fields):
    return Pear(config, [shift_of(fields, "fine"), shift_of(fields, "coarse")]), lambda name: name


if __name__ == "__main__":
    main(build)
