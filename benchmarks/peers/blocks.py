"""Layers that the peers of `model_step` share, written as the published programs write them."""

import math

import torch
from torch import nn
from torch.nn import functional as F

MASKED = -100.0


class DropPath(nn.Module):
    """Stochastic depth per sample."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if self.rate == 0.0 or not self.training:
            return x
        keep = 1.0 - self.rate
        return x * x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep).div_(keep)


class Mlp(nn.Module):
    def __init__(self, dim, ratio=4, dropout=0.0):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, ratio * dim), nn.Linear(ratio * dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))


class Block(nn.Module):
    """windows: cut(x) -> what `attention` reads, join(windows, shape) -> x, and their additive mask."""

    def __init__(self, dim, attention, windows, pre_norm=False, dropout=0.0, drop_path=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp = attention, Mlp(dim, dropout=dropout)
        self.windows, self.pre_norm, self.drop_path = windows, pre_norm, DropPath(drop_path)

    def attend(self, x):
        return self.windows.join(self.attn(self.windows.cut(x), self.windows.mask), x.shape)

    def forward(self, x):
        if self.pre_norm:
            x = x + self.drop_path(self.attend(self.norm1(x)))
            return x + self.drop_path(self.mlp(self.norm2(x)))
        x = x + self.drop_path(self.norm1(self.attend(x)))
        return x + self.drop_path(self.norm2(self.mlp(x)))


class Stage(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def mask_of(labels):
    """[.., windows, N] region labels -> additive mask [.., windows, N, N]."""
    return (labels[..., :, None] != labels[..., None, :]).float() * MASKED


class NestedWindows:
    """Blocks of consecutive nested pixels (and levels) of [B, Z, P, C], shifted by a gather along the pixels."""

    def __init__(self, size, shift=None):
        self.size, self.mask, self.source = size, None, None
        if shift is None:
            return
        self.source = shift["source"].flatten()
        self.target = torch.empty_like(self.source)
        self.target[self.source] = torch.arange(len(self.source))
        self.stack_shift = size[0] // 2
        labels = shift["pixel_label"][None, :, None, :].long()
        if "stack_label" in shift:
            labels = labels + 1000 * shift["stack_label"][:, None, :, None]
        self.mask = mask_of(labels.reshape(-1, size[0] * size[1]))

    def cut(self, x):
        if self.source is not None:
            x = torch.roll(x, -self.stack_shift, 1) if self.stack_shift else x
            x = x[:, :, self.source]
        b, z, p, c = x.shape
        x = x.view(b, z // self.size[0], self.size[0], p // self.size[1], self.size[1], c)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, self.size[0] * self.size[1], c)

    def join(self, windows, shape):
        b, z, p, c = shape
        x = windows.view(b, z // self.size[0], p // self.size[1], self.size[0], self.size[1], c)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(shape)
        if self.source is not None:
            x = x[:, :, self.target]
            x = torch.roll(x, self.stack_shift, 1) if self.stack_shift else x
        return x


class WindowAttention(nn.Module):
    """[windows, N, C] -> the same; the position bias is one matrix per head for all windows."""

    def __init__(self, dim, heads, dropout=0.0):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.attn_drop, self.proj_drop = nn.Dropout(dropout), nn.Dropout(dropout)

    def scores(self, q, k):
        return (q * self.scale) @ k.transpose(-2, -1)

    def forward(self, x, mask):
        w, n, c = x.shape
        q, k, v = self.qkv(x).reshape(w, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = self.scores(q, k) + self.bias()
        if mask is not None:
            scores = scores.view(w // mask.shape[0], mask.shape[0], self.heads, n, n) + mask[None, :, None]
            scores = scores.view(w, self.heads, n, n)
        weights = self.attn_drop(scores.softmax(-1))
        return self.proj_drop(self.proj((weights @ v).transpose(1, 2).reshape(w, n, c)))


class SingleBiasAttention(WindowAttention):
    def __init__(self, dim, heads, tokens):
        super().__init__(dim, heads)
        self.earth_position_bias = nn.Parameter(torch.zeros(1, heads, tokens, tokens))

    def bias(self):
        return self.earth_position_bias


def flat_index(side):
    """Offset of every pair of a window's tokens in Morton order; columns count from the north-west side."""
    token = torch.arange(side * side)
    bits = range(side.bit_length() - 1)
    column = side - 1 - sum(((token >> 2 * b) & 1) << b for b in bits)
    row = sum(((token >> 2 * b + 1) & 1) << b for b in bits)
    offset = lambda v: v[:, None] - v[None, :] + side - 1
    return offset(row) * (2 * side - 1) + offset(column)


class FlatCosineAttention(WindowAttention):
    def __init__(self, dim, heads, tokens, dropout=0.0):
        super().__init__(dim, heads, dropout)
        side = math.isqrt(tokens)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.index, self.tokens = flat_index(side), tokens

    def scores(self, q, k):
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        return scores * torch.clamp(self.logit_scale, max=math.log(100.0)).exp()

    def bias(self):
        bias = self.relative_position_bias_table[self.index.view(-1)].view(self.tokens, self.tokens, -1)
        return bias.permute(2, 0, 1).contiguous().unsqueeze(0)


class NestedMerge(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        b, z, p, c = x.shape
        return self.reduction(self.norm(x.reshape(b, z, p // 4, 4 * c)))


class NestedExpand(nn.Module):
    def __init__(self, dim, has_linear):
        super().__init__()
        self.expand, self.norm = nn.Linear(dim, 2 * dim, bias=False), nn.LayerNorm(dim // 2)
        self.linear = nn.Linear(dim // 2, dim // 2, bias=False) if has_linear else nn.Identity()

    def forward(self, x):
        b, z, p, c = x.shape
        return self.linear(self.norm(self.expand(x).view(b, z, 4 * p, c // 2)))
