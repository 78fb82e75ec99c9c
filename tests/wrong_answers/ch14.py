"""Wrong answers to the exercises of chapter 14."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from wrong_answers import Wrong


def band(length, first, last):
    return torch.ones(length, length, dtype=torch.bool).tril(last).triu(first)


def steps(lengths, length):
    return torch.arange(length) - lengths[:, None]


class DecoderLayer(nn.Module):
    causal, batch_first, inner, norm_first, all_heads = True, True, 4, True, False

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        heads = 1 if self.all_heads else heads
        self.attention = nn.MultiheadAttention(width, heads, batch_first=self.batch_first)
        self.linear1 = nn.Linear(width, self.inner * width)
        self.linear2 = nn.Linear(self.inner * width, width)

    def mask(self, length):
        return ~band(length, -length, 0) if self.causal else None

    def attend(self, x):
        length = x.shape[1] if self.batch_first else x.shape[0]
        return self.attention(x, x, x, attn_mask=self.mask(length), need_weights=False)[0]

    def forward(self, x):
        if self.norm_first:
            x = x + self.attend(self.norm1(x))
            return x + self.linear2(F.relu(self.linear1(self.norm2(x))))
        x = self.norm1(x + self.attend(x))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class NoMask(DecoderLayer):
    causal = False


class MaskInverted(DecoderLayer):
    def mask(self, length):
        return band(length, -length, 0)


class DiagonalForgotten(DecoderLayer):
    def attend(self, x):
        mask = ~band(x.shape[1], -x.shape[1], -1)
        return self.attention(x, x, x, attn_mask=mask)[0]


class BatchSecond(DecoderLayer):
    batch_first = False


class Narrow(DecoderLayer):
    inner = 2


class NormLast(DecoderLayer):
    norm_first = False


class OneHead(DecoderLayer):
    all_heads = True


class NoResidual(DecoderLayer):
    def forward(self, x):
        x = self.attend(self.norm1(x))
        return self.linear2(F.relu(self.linear1(self.norm2(x))))


class NoActivation(DecoderLayer):
    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(self.linear1(self.norm2(x)))


class Gelu(DecoderLayer):
    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class NormTwice(DecoderLayer):
    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.relu(self.linear1(self.norm1(x))))


class SoftmaxOverQueries(DecoderLayer):
    def attend(self, x):
        scores = (x @ x.transpose(1, 2)).masked_fill(self.mask(x.shape[1]), -math.inf)
        return scores.softmax(dim=1) @ x


class ByHand(DecoderLayer):
    """Attention written out; PyTorch's matrices, and scores divided by what `divisor` says."""

    def __init__(self, width, heads, divisor=lambda width, heads: math.sqrt(width / heads)):
        super().__init__(width, heads)
        self.divisor = divisor(width, heads)

    def attend(self, x):
        qkv = F.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias)
        q, k, v = (
            part.unflatten(2, (self.attention.num_heads, -1)).transpose(1, 2) for part in qkv.chunk(3, -1)
        )
        scores = (q @ k.transpose(2, 3) / self.divisor).masked_fill(self.mask(x.shape[1]), -math.inf)
        return self.attention.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class NotDivided(ByHand):
    def __init__(self, width, heads):
        super().__init__(width, heads, lambda width, heads: 1)


class WholeWidth(ByHand):
    def __init__(self, width, heads):
        super().__init__(width, heads, lambda width, heads: math.sqrt(width))


class NoRoot(ByHand):
    def __init__(self, width, heads):
        super().__init__(width, heads, lambda width, heads: width / heads)


class FixedLength(DecoderLayer):
    def mask(self, length):
        return ~band(6, -6, 0)


class WholeLayer(nn.TransformerEncoderLayer):
    def __init__(self, width, heads):
        super().__init__(width, heads, 4 * width, 0.0, batch_first=True, norm_first=True)


WRONG = {
    "14.1": [
        Wrong(lambda q, k: (q @ k.transpose(-2, -1)).softmax(-1), hint="division by √d"),
        Wrong(
            lambda q, k: (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-2),
            hint="over the queries",
        ),
        Wrong(lambda q, k: (q @ k.transpose(-2, -1) / q.shape[-1]).softmax(-1), hint="by its root"),
        Wrong(lambda q, k: q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), hint="gives the scores"),
        Wrong(lambda q, k: (q @ k.T / math.sqrt(q.shape[-1])).softmax(-1), hint="raised"),
    ],
    "14.2": [
        Wrong(lambda length, window: band(length, -length, 0), hint="all steps before it"),
        Wrong(lambda length, window: ~band(length, 1 - window, 0), hint="other way round"),
        Wrong(lambda length, window: band(length, 0, window - 1), hint="into the future"),
        Wrong(lambda length, window: band(length, -window, 0), hint="one step too many"),
        Wrong(lambda length, window: band(length, 1 - window, 0).float(), hint="a bool mask"),
        Wrong(lambda length, window: band(length, -window, -1), hint="row by row"),
    ],
    "14.3": [
        Wrong(lambda lengths, length: steps(lengths, length) < 0, hint="*ignore*"),
        Wrong(lambda lengths, length: steps(lengths, length) > 0, hint="one step of padding"),
        Wrong(lambda lengths, length: (steps(lengths, length) >= 0).T, hint="(N, length)"),
        Wrong(lambda lengths, length: (steps(lengths, length) >= 0).long(), hint="a bool mask"),
    ],
    "14.4": [
        Wrong(lambda x, heads: x.reshape(x.shape[0], heads, x.shape[1], -1), hint="cuts across steps"),
        Wrong(lambda x, heads: x.view(*x.shape[:2], heads, -1), hint="before the heads"),
        Wrong(lambda x, heads: x.view(*x.shape[:2], -1, heads).permute(0, 3, 1, 2), hint="in turn"),
        Wrong(lambda x, heads: x.chunk(heads, dim=-1), hint="should be a tensor"),
        Wrong(lambda x, heads: torch.stack(x.chunk(heads, dim=-1)), hint="heads before the batch"),
    ],
    "14.5": [
        Wrong(
            lambda length, d, ff: 4 * length * d**2 + 2 * length**2 * d, hint="two linear layers are missing"
        ),
        Wrong(lambda length, d, ff: 4 * length * d**2 + 2 * length * d * ff, hint="square of the length"),
        Wrong(
            lambda length, d, ff: 3 * length * d**2 + 2 * length**2 * d + 2 * length * d * ff,
            hint="four matrices",
        ),
        Wrong(lambda length, d, ff: 4 * d**2 + 2 * length**2 * d + 2 * d * ff, hint="every step"),
        Wrong(
            lambda length, d, ff: 4 * length * d**2 + 2 * length**2 * d + length * d * ff,
            hint="there are two linear layers",
        ),
        Wrong(lambda length, d, ff: 12 * d**2 + 13 * d, hint="should be"),
    ],
    "14.6": [
        Wrong(NoMask, hint="future is not masked"),
        Wrong(MaskInverted, hint="*must not* look"),
        Wrong(DiagonalForgotten, hint="NaN"),
        Wrong(BatchSecond, hint="batch_first=True"),
        Wrong(Narrow, hint="number of parameters"),
        Wrong(NormLast, hint="norm_first=True"),
        Wrong(NoResidual, hint="added back"),
        Wrong(OneHead, hint="number of heads"),
        Wrong(NoActivation, hint="no activation"),
        Wrong(Gelu, hint="is not ReLU"),
        Wrong(NormTwice, hint="norm2.weight, norm2.bias"),
        Wrong(SoftmaxOverQueries, hint="not masked"),
        Wrong(NotDivided, hint="not divided at all"),
        Wrong(WholeWidth, hint="the root of the whole width"),
        Wrong(NoRoot, hint="the width of a head itself"),
        Wrong(FixedLength, hint="raised"),
        Wrong(WholeLayer, hint="whole layer"),
    ],
}
