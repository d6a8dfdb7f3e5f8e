"""The lat-lon twin as plain PyTorch: the published Pangu-type baseline of arXiv 2505.17720 (pads, typed earth-specific
bias, norms before the branches), or `matched`, in which only the grid differs from PEAR. Windows are cut by view and
permute and shifted by torch.roll, as the published program does. The peer of `model_step --model pangu_twin_…`."""

import torch
from blocks import Block, SingleBiasAttention, Stage, mask_of
from measure import main
from torch import nn
from torch.nn import functional as F


def pads_to_multiple(extent, unit):
    pad = -extent % unit
    return pad // 2, pad - pad // 2


def pad_rows_columns(x, pads):
    """[B, Z, rows, columns, C]; pads: (top, bottom), (left, right)."""
    (top, bottom), (left, right) = pads
    return F.pad(x, (0, 0, left, right, top, bottom)) if top + bottom + left + right else x


class LatLonWindows:
    """Windows of [B, Z, rows, columns, C]; -> [B * in longitude, in stack * latitude, N, C], or all in one dimension."""

    def __init__(self, extents, size, shift, is_typed, is_periodic):
        self.extents, self.size, self.shift, self.is_typed = extents, size, shift, is_typed
        self.pads = tuple(pads_to_multiple(n, w) for n, w in zip(extents[1:], size[1:]))
        self.padded = (extents[0], *(n + sum(p) for n, p in zip(extents[1:], self.pads)))
        self.counts = tuple(n // w for n, w in zip(self.padded, size))
        self.mask = mask_of(self.partition(self.labels(is_periodic)).squeeze(-1)) if shift else None

    def labels(self, is_periodic):
        """Regions as the published program numbers them: its longitudes are longer by the shift and then cropped."""
        (wz, wa, wb), (sz, sa, sb) = self.size, self.shift
        three = lambda w, s: (slice(0, -w), slice(-w, -s), slice(-s, None))
        labels = torch.zeros(1, *self.padded[:2], self.padded[2] + sb, 1)
        region = 0
        for z in three(wz, sz):
            for a in three(wa, sa):
                for b in (slice(None),) if is_periodic else three(wb, sb):
                    labels[:, z, a, b] = region
                    region += 1
        return labels[:, :, :, : self.padded[2]]

    def partition(self, x):
        (wz, wa, wb), (nz, na, nb) = self.size, self.counts
        x = x.view(x.shape[0], nz, wz, na, wa, nb, wb, x.shape[-1]).permute(0, 5, 1, 3, 2, 4, 6, 7)
        shape = (-1, nz * na, wz * wa * wb, x.shape[-1]) if self.is_typed else (-1, wz * wa * wb, x.shape[-1])
        return x.reshape(shape)

    def cut(self, x):
        x = pad_rows_columns(x, self.pads)
        if self.shift:
            x = torch.roll(x, tuple(-s for s in self.shift), (1, 2, 3))
        return self.partition(x)

    def join(self, windows, shape):
        (wz, wa, wb), (nz, na, nb), ((top, _), (left, _)) = self.size, self.counts, self.pads
        x = windows.view(shape[0], nb, nz, na, wz, wa, wb, shape[-1]).permute(0, 2, 4, 3, 5, 1, 6, 7)
        x = x.reshape(shape[0], *self.padded, shape[-1])
        if self.shift:
            x = torch.roll(x, self.shift, (1, 2, 3))
        return x[:, :, top : top + shape[2], left : left + shape[3]]


def earth_index(size):
    """Absolute in stack and latitude, relative in longitude: [N, N] -> row of the table."""
    wz, wa, wb = size
    z, a, b = (v.flatten() for v in torch.meshgrid(*(torch.arange(w) for w in size), indexing="ij"))
    pair = lambda v, w: v[:, None] + w * v[None, :]
    return (pair(z, wz) * wa**2 + pair(a, wa)) * (2 * wb - 1) + b[:, None] - b[None, :] + wb - 1


class EarthAttention(nn.Module):
    """[windows in longitude, types, N, C] -> the same; the bias depends on the type, i.e. on stack and latitude."""

    def __init__(self, dim, heads, size, types):
        super().__init__()
        self.heads, self.scale, self.index = heads, (dim // heads) ** -0.5, earth_index(size)
        length = (2 * size[2] - 1) * size[1] ** 2 * size[0] ** 2
        self.earth_position_bias_table = nn.Parameter(torch.zeros(length, types, heads))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x, mask):
        w, t, n, c = x.shape
        q, k, v = self.qkv(x).reshape(w, t, n, 3, self.heads, c // self.heads).permute(3, 0, 4, 1, 2, 5)
        bias = self.earth_position_bias_table[self.index.view(-1)].view(n, n, t, self.heads)
        scores = (q * self.scale) @ k.transpose(-2, -1) + bias.permute(3, 2, 0, 1).contiguous().unsqueeze(0)
        if mask is not None:
            scores = scores.view(w // mask.shape[0], mask.shape[0], self.heads, t, n, n) + mask[None, :, None]
            scores = scores.view(w, self.heads, t, n, n)
        return self.proj((scores.softmax(-1) @ v).permute(0, 2, 3, 1, 4).reshape(w, t, n, c))


class Embed(nn.Module):
    def __init__(self, c, cells, is_published):
        super().__init__()
        patch, dim = tuple(c["patch"]), c["dims"][0]
        pads = [p for n, s in zip(cells, patch[1:]) for p in pads_to_multiple(n, s)]
        self.pads, self.is_published = (pads[2], pads[3], pads[0], pads[1]), is_published
        self.constants = torch.zeros(1, c["constant_channels"] or 0, *cells)
        self.proj_surface = nn.Conv2d(4 + self.constants.shape[1], dim, patch[1:], patch[1:])
        self.proj_upper = nn.Conv3d(5, dim, patch, patch)

    def forward(self, surface, upper):
        if self.is_published:
            surface = torch.cat([surface, self.constants.expand(len(surface), -1, -1, -1)], 1)
        surface = self.proj_surface(F.pad(surface, self.pads))
        upper = self.proj_upper(F.pad(upper, self.pads + ((0, 1) if self.is_published else (1, 0))))
        return torch.cat([surface[:, :, None], upper], 2).permute(0, 2, 3, 4, 1)


class Recover(nn.Module):
    def __init__(self, c, cells):
        super().__init__()
        patch, dim = tuple(c["patch"]), 2 * c["dims"][0]
        top, left = (pads_to_multiple(n, s)[0] for n, s in zip(cells, patch[1:]))
        self.rows, self.columns = slice(top, top + cells[0]), slice(left, left + cells[1])
        self.conv_surface = nn.ConvTranspose2d(dim, 4, patch[1:], patch[1:])
        self.conv_upper = nn.ConvTranspose3d(dim, 5, patch, patch)

    def forward(self, x):
        x = x.permute(0, 4, 1, 2, 3)
        surface, upper = self.conv_surface(x[:, :, 0]), self.conv_upper(x[:, :, 1:])
        return surface[:, :, self.rows, self.columns], upper[:, :, :13, self.rows, self.columns]


class Merge(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        x = pad_rows_columns(x, [pads_to_multiple(n, 2) for n in x.shape[2:4]])
        b, z, rows, columns, c = x.shape
        x = x.view(b, z, rows // 2, 2, columns // 2, 2, c).permute(0, 1, 2, 4, 3, 5, 6)
        return self.reduction(self.norm(x.reshape(b, z, rows // 2, columns // 2, 4 * c)))


class Expand(nn.Module):
    def __init__(self, dim, extents):
        super().__init__()
        self.expand, self.norm = nn.Linear(dim, 2 * dim, bias=False), nn.LayerNorm(dim // 2)
        self.linear, self.extents = nn.Linear(dim // 2, dim // 2, bias=False), extents

    def forward(self, x):
        b, z, rows, columns, c = x.shape
        (top, _), (left, _) = (pads_to_multiple(n, 2) for n in self.extents)
        x = self.expand(x).view(b, z, rows, columns, 2, 2, c // 2).permute(0, 1, 2, 4, 3, 5, 6)
        x = x.reshape(b, z, 2 * rows, 2 * columns, c // 2)
        return self.linear(self.norm(x[:, :, top : top + self.extents[0], left : left + self.extents[1]]))


class Twin(nn.Module):
    def __init__(self, c, cells):
        super().__init__()
        dims, depths, size, shift = c["dims"], c["depths"], tuple(c["window"]), tuple(c["window_shift"])
        self.is_published = c["variant"] == "published"
        fine = (8, *(-(-n // s) for n, s in zip(cells, c["patch"][1:])))
        coarse = (8, *(-(-n // 2) for n in fine[1:]))
        rates = torch.linspace(0, c["drop_path"], depths[0] + depths[1]).tolist()

        def stage(i):
            is_coarse = i in (1, 2)
            both = [
                LatLonWindows(coarse if is_coarse else fine, size, s, self.is_published, not self.is_published)
                for s in (None, shift)
            ]
            types, tokens = both[0].counts[0] * both[0].counts[1], size[0] * size[1] * size[2]
            attention = lambda: (
                EarthAttention(dims[i], c["heads"][i], size, types)
                if self.is_published
                else SingleBiasAttention(dims[i], c["heads"][i], tokens)
            )
            own = rates[depths[0] :] if is_coarse else rates
            return Stage(
                Block(dims[i], attention(), both[j % 2], self.is_published, drop_path=own[j]) for j in range(depths[i])
            )

        self.patch_embed = Embed(c, cells, self.is_published)
        self.layers = nn.ModuleList(stage(i) for i in range(4))
        self.downsample, self.upsample = Merge(dims[0]), Expand(dims[1], fine[1:])
        self.norm = nn.Identity() if self.is_published else nn.LayerNorm(dims[1])
        self.final_up = Recover(c, cells)

    def forward(self, surface, upper):
        skip = self.layers[0](self.patch_embed(surface, upper))
        x = self.layers[2](self.layers[1](self.downsample(skip)))
        x = self.layers[3](self.upsample(self.norm(x)))
        return self.final_up(torch.cat([x, skip] if self.is_published else [skip, x], -1))


PUBLISHED_NAMES = {
    "patchembed2d.proj.": "patch_embed.proj_surface.",
    "patchembed3d.proj.": "patch_embed.proj_upper.",
    **{f"layer{i + 1}.": f"layers.{i}." for i in range(4)},
    "downsample.linear.": "downsample.reduction.",
    "upsample.linear1.": "upsample.expand.",
    "upsample.linear2.": "upsample.linear.",
    "patchrecovery2d.conv.": "final_up.conv_surface.",
    "patchrecovery3d.conv.": "final_up.conv_upper.",
}


def own_name(name):
    start = next((s for s in PUBLISHED_NAMES if name.startswith(s)), "")
    return PUBLISHED_NAMES.get(start, "") + name[len(start) :]


def build(config, fields):
    return Twin(config, tuple(fields["input.0"].shape[2:])), own_name


if __name__ == "__main__":
    main(build)
