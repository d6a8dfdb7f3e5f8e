"""HEAL-SWIN as plain PyTorch, written from the published formulation (CVPR 2024): ring shift, cosine attention, flat
relative bias, norms after the branches. The peer of `model_step --model heal_swin`."""

import torch
from blocks import Block, FlatCosineAttention, NestedExpand, NestedMerge, NestedWindows, Stage
from measure import main, shift_of
from torch import nn


class PatchEmbed(nn.Module):
    def __init__(self, channels, dim, patch):
        super().__init__()
        self.proj = nn.Conv1d(channels, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).transpose(1, 2)[:, None]


class PatchSplit(nn.Module):
    def __init__(self, dim, patch):
        super().__init__()
        self.expand, self.norm = nn.Linear(dim, patch * dim, bias=False), nn.LayerNorm(dim)

    def forward(self, x):
        b, _, t, c = x.shape
        return self.norm(self.expand(x).view(b, -1, c))


class Decoder(nn.Module):
    def __init__(self, c, dims, stage):
        super().__init__()
        last = len(dims) - 1
        self.layers_up = nn.ModuleList([NestedExpand(dims[last], has_linear=False)])
        self.concat_back_dim = nn.ModuleList([nn.Identity()])
        for level in reversed(range(last)):
            self.layers_up.append(stage(level))
            if level > 0:
                self.layers_up[-1].upsample = NestedExpand(dims[level], has_linear=False)
            self.concat_back_dim.append(nn.Linear(2 * dims[level], dims[level]))
        self.norm_up, self.up = nn.LayerNorm(dims[0]), PatchSplit(dims[0], c["patch"])
        self.output = nn.Conv1d(dims[0], c["outputs"], 1, bias=False)

    def forward(self, x, skips):
        x = self.layers_up[0](x)
        for k, layer in enumerate(list(self.layers_up)[1:], 1):
            x = layer(self.concat_back_dim[k](torch.cat([x, skips[-k]], -1)))
            if hasattr(layer, "upsample"):
                x = layer.upsample(x)
        return self.output(self.up(self.norm_up(x)).transpose(1, 2))


class HealSwin(nn.Module):
    def __init__(self, c, shifts):
        super().__init__()
        depths, size = c["depths"], (1, c["window"])
        dims = [c["embed"] << i for i in range(len(depths))]
        rates = torch.linspace(0, c["drop_path"], sum(depths)).tolist()

        def stage(i):
            both = NestedWindows(size), NestedWindows(size, shifts[i])
            attention = lambda: FlatCosineAttention(dims[i], c["heads"][i], size[1], c["dropout"])
            first = sum(depths[:i])
            return Stage(
                Block(dims[i], attention(), both[j % 2], dropout=c["dropout"], drop_path=rates[first + j])
                for j in range(depths[i])
            )

        self.patch_embed = PatchEmbed(c["in_channels"], dims[0], c["patch"])
        self.pos_drop = nn.Dropout(c["dropout"])
        self.layers = nn.ModuleList(stage(i) for i in range(len(dims)))
        for i in range(len(dims) - 1):
            self.layers[i].downsample = NestedMerge(dims[i])
        self.norm = nn.LayerNorm(dims[-1])
        self.decoder = Decoder(c, dims, stage)

    def forward(self, x):
        x, skips = self.pos_drop(self.patch_embed(x)), []
        for layer in self.layers:
            skips.append(x)
            x = layer(x)
            if hasattr(layer, "downsample"):
                x = layer.downsample(x)
        return (self.decoder(self.norm(x), skips[:-1]),)


def build(config, fields):
    assert config["attention"] == "cosine" and config["norm"] == "res_post" and config["mlp_ratio"] == 4
    assert config["attention_dropout"] == config["dropout"]
    return HealSwin(config, [shift_of(fields, str(i)) for i in range(len(config["depths"]))]), lambda name: name


if __name__ == "__main__":
    main(build)
