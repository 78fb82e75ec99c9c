"""Answers to the exercises of chapter 14."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong


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


class NormAtTheEnd(DecoderLayer):
    """The first half in the right order, the second not."""

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


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


class MaskedAfterSoftmax(ByHand):
    """The future gets weight 0 but still counts in the softmax."""

    def attend(self, x):
        qkv = F.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias)
        q, k, v = (
            part.unflatten(2, (self.attention.num_heads, -1)).transpose(1, 2) for part in qkv.chunk(3, -1)
        )
        weights = (q @ k.transpose(2, 3) / self.divisor).softmax(-1) * band(x.shape[1], -x.shape[1], 0)
        return self.attention.out_proj((weights @ v).transpose(1, 2).flatten(2))


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


class Dropped(DecoderLayer):
    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        return self.dropout(super().forward(x))


class DroppedWeights(DecoderLayer):
    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.attention.dropout = 0.1


class Buffer(DecoderLayer):
    size = 8

    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.register_buffer("stored", ~band(self.size, -self.size, 0))

    def mask(self, length):
        return self.stored[:length, :length]


class LargeBuffer(Buffer):
    size = 1024


class VeryLargeBuffer(Buffer):
    size = 2048


class BothNorms(DecoderLayer):
    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.relu(self.linear1(self.norm2(self.norm1(x)))))


class Parallel(DecoderLayer):
    """The second half does not see what attention found."""

    def forward(self, x):
        return x + self.attend(self.norm1(x)) + self.linear2(F.relu(self.linear1(self.norm2(x))))


class ParallelBothNorms(DecoderLayer):
    def forward(self, x):
        normed = self.norm2(self.norm1(x))
        return x + self.attend(self.norm1(x)) + self.linear2(F.relu(self.linear1(normed)))


class Leaky(DecoderLayer):
    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.leaky_relu(self.linear1(self.norm2(x))))


class NormAddedBack(DecoderLayer):
    def forward(self, x):
        x = self.norm1(x)
        x = x + self.attend(x)
        return x + self.linear2(F.relu(self.linear1(self.norm2(x))))


class Detached(DecoderLayer):
    def forward(self, x):
        x = x.detach() + self.attend(self.norm1(x))
        return x + self.linear2(F.relu(self.linear1(self.norm2(x))))


class OneHeadLess(ByHand):
    """Right for two heads only."""

    def __init__(self, width, heads):
        super().__init__(width, 2)


class Head(nn.Module):
    def __init__(self, width, heads, divisor):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(width, width // heads) for _ in range(3))
        self.divisor = divisor

    def forward(self, x):
        q, k, v = self.q(x), self.k(x), self.v(x)
        scores = (q @ k.mT / self.divisor).masked_fill(~band(x.shape[1], -x.shape[1], 0), -math.inf)
        return scores.softmax(-1) @ v


class HeadList(nn.Module):
    """A list of heads, as in many tutorials."""

    divisor = staticmethod(lambda width, heads: math.sqrt(width / heads))

    def __init__(self, width, heads):
        super().__init__()
        divisor = self.divisor(width, heads)
        self.heads = nn.ModuleList(Head(width, heads, divisor) for _ in range(heads))
        self.out = nn.Linear(width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.net = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x):
        normed = self.norms[0](x)
        x = x + self.out(torch.cat([head(normed) for head in self.heads], dim=-1))
        return x + self.net(self.norms[1](x))


class HeadListNotDivided(HeadList):
    divisor = staticmethod(lambda width, heads: 1)


class HeadListWholeWidth(HeadList):
    divisor = staticmethod(lambda width, heads: math.sqrt(width))


class Separate(nn.Module):
    """Four matrices, the last one made first; columns dealt out in turn; the two halves in functions."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.out = nn.Linear(width, width)
        self.value, self.key, self.query = (nn.Linear(width, width) for _ in range(3))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.second, self.first = nn.LayerNorm(width), nn.LayerNorm(width)

    def split(self, x):
        return x.unflatten(2, (-1, self.heads)).permute(0, 3, 1, 2)

    def attend(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.permute(0, 2, 3, 1).flatten(2))

    def forward(self, x):
        x = x + self.attend(self.first(x))
        return x + self.down(self.up(self.second(x)).clamp(min=0))


class Interleaved(nn.Module):
    """One matrix with q, k and v of head 0, then of head 1; parameters used as x @ W."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, d = heads, width // heads
        self.qkv = nn.Parameter(torch.randn(width, 3 * width) / width**0.5)
        self.qkv_bias = nn.Parameter(torch.zeros(3 * width))
        self.last = nn.Linear(width, width)
        self.w1 = nn.Parameter(torch.randn(width, 4 * width) / width**0.5)
        self.b1 = nn.Parameter(torch.zeros(4 * width))
        self.w2 = nn.Parameter(torch.randn(4 * width, width) / width**0.5)
        self.b2 = nn.Parameter(torch.zeros(width))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.scale = d**-0.5

    def forward(self, x):
        parts = (self.norm1(x) @ self.qkv + self.qkv_bias).unflatten(2, (self.heads, 3, -1))
        q, k, v = (part.transpose(1, 2) for part in parts.unbind(3))
        length = x.shape[1]
        future = torch.full((length, length), -math.inf).triu(1)
        mixed = ((q @ k.mT) * self.scale + future).softmax(-1) @ v
        x = x + self.last(mixed.transpose(1, 2).flatten(2))
        return x + (self.norm2(x) @ self.w1 + self.b1).relu() @ self.w2 + self.b2


class ByHead(DecoderLayer):
    """A parameter for each of Q, K, V, with the heads as an axis."""

    sizes, bias, pattern = ("heads", "width", "d"), ("heads", 1, "d"), "nlw,hwd->nhld"
    last, end, divisor = None, None, staticmethod(math.sqrt)

    def __init__(self, width, heads):
        super().__init__(width, heads)
        del self.attention
        long = {"heads": heads, "width": width, "d": width // heads, 1: 1}
        self.q, self.k, self.v = (self.make(long, self.sizes) for _ in range(3))
        self.q_bias, self.k_bias, self.v_bias = (self.make(long, self.bias) for _ in range(3))
        self.out = nn.Linear(width, width) if self.last is None else self.make(long, self.last)
        if self.last:
            self.out_bias = nn.Parameter(torch.zeros(width))

    @staticmethod
    def make(long, sizes):
        return nn.Parameter(0.3 * torch.randn([long[size] for size in sizes]))

    def attend(self, x):
        pairs = (self.q, self.q_bias), (self.k, self.k_bias), (self.v, self.v_bias)
        q, k, v = (torch.einsum(self.pattern, x, w) + b.view(len(b), 1, -1) for w, b in pairs)
        scores = (q @ k.mT / self.divisor(q.shape[-1])).masked_fill(self.mask(x.shape[1]), -math.inf)
        mixed = scores.softmax(-1) @ v
        if self.last:
            return torch.einsum(self.end, mixed, self.out) + self.out_bias
        return self.out(mixed.transpose(1, 2).flatten(2))


class ByHeadTurned(ByHead):
    sizes, bias, pattern = ("heads", "d", "width"), ("heads", "d"), "nlw,hdw->nhld"
    last, end = ("heads", "d", "width"), "nhld,hdw->nlw"


class ByHeadWidthFirst(ByHead):
    sizes, bias, pattern = ("width", "heads", "d"), ("heads", "d"), "nlw,whd->nhld"
    last, end = ("width", "heads", "d"), "nhld,whd->nlw"


class ByHeadAndEnd(ByHead):
    last, end = ("heads", "d", "width"), "nhld,hdw->nlw"


class ByHeadNotDivided(ByHead):
    divisor = staticmethod(lambda d: 1)


class OneStack(DecoderLayer):
    """Q, K and V in one parameter (3, width, width), used as x @ W."""

    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.heads = heads
        self.attention = nn.Linear(width, width)
        self.qkv = nn.Parameter(0.3 * torch.randn(3, width, width))
        self.qkv_bias = nn.Parameter(torch.zeros(3, width))

    def attend(self, x):
        parts = (x @ w + b for w, b in zip(self.qkv, self.qkv_bias, strict=True))
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.attention(mixed.transpose(1, 2).flatten(2))


class Product(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(1, width))

    def forward(self, x):
        return x @ self.weight + self.bias


class Products(Separate):
    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.query, self.key, self.value, self.out = (Product(width) for _ in range(4))


class Convolutions(DecoderLayer):
    """Convolutions with a kernel of size 1 in place of linear layers."""

    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.heads, self.attention = heads, nn.Conv1d(width, 3 * width, 1)
        self.out = nn.Conv1d(width, width, 1)
        self.linear1, self.linear2 = nn.Conv1d(width, 4 * width, 1), nn.Conv1d(4 * width, width, 1)

    def attend(self, x):
        q, k, v = (part.unflatten(1, (self.heads, -1)).mT for part in self.attention(x.mT).chunk(3, dim=1))
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).mT.flatten(1, 2)).mT

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.linear2(F.relu(self.linear1(self.norm2(x).mT))).mT


class OtherEps(DecoderLayer):
    def __init__(self, width, heads):
        super().__init__(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-3)


class Window(DecoderLayer):
    """Looks back a few steps only."""

    window = 6

    def mask(self, length):
        return ~band(length, 1 - self.window, 0)


class LongWindow(Window):
    window = 500


class JoinedByReshape(Separate):
    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def attend(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).reshape(x.shape))


class SplitByReshape(JoinedByReshape):
    def split(self, x):
        return x.reshape(x.shape[0], self.heads, x.shape[1], -1)


class DroppedAlways(DecoderLayer):
    """F.dropout drops in eval mode, too."""

    def forward(self, x):
        return F.dropout(super().forward(x), 0.1)


class DroppedByFunction(Separate):
    def attend(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1, is_causal=True)
        return self.out(mixed.permute(0, 2, 3, 1).flatten(2))


class HalfAdded(Separate):
    def attend(self, x):
        return super().attend(x) / 2


def weights_by_hand(q, k):
    scores = (q.unsqueeze(-2) * k.unsqueeze(-3)).sum(-1) / q.shape[-1] ** 0.5
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def weights_to_four_axes(q, k):
    pattern = "ld,sd->ls" if q.dim() == 2 else "nhld,nhsd->nhls"
    return (torch.einsum(pattern, q, k) / q.shape[-1] ** 0.5).softmax(-1)


def weights_overflow(q, k):
    powers = (q @ k.mT / q.shape[-1] ** 0.5).exp()
    return powers / powers.sum(-1, keepdim=True)


def weights_by_the_largest(q, k):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    powers = (scores - scores.max()).exp()
    return powers / powers.sum(-1, keepdim=True)


def weights_einsum(q, k):
    return F.softmax(torch.einsum("...ld,...sd->...ls", q, k) * q.shape[-1] ** -0.5, dim=-1)


def weights_right(q, k):
    return (q / math.sqrt(q.shape[-1]) @ k.transpose(-2, -1)).softmax(-1)


def window_loop(length, window):
    mask = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        mask[i, max(0, i - window + 1) : i + 1] = True
    return mask


def padding_loop(lengths, length):
    return torch.tensor([[step >= n for step in range(length)] for n in lengths.tolist()])


def padding_cat(lengths, length):
    mask = torch.zeros(len(lengths), length, dtype=torch.bool)
    for row, n in zip(mask, lengths, strict=True):
        row[n:] = True
    return mask


def work_by_parts(length, width, feed_forward):
    return length * (4 * width * width + 2 * length * width + 2 * width * feed_forward)


def work_by_shapes(length, width, feed_forward):
    products = [(length, width, width)] * 4 + [(length, width, length), (length, length, width)]
    products += [(length, width, feed_forward), (length, feed_forward, width)]
    return sum(math.prod(shape) for shape in products)


RIGHT = {
    "14.1": [Right(weights_by_hand), Right(weights_einsum), Right(weights_right)],
    "14.2": [
        Right(window_loop),
        Right(lambda length, window: band(length, 1 - window, 0)),
        Right(lambda length, window: band(length, -length, 0) ^ band(length, -length, -window)),
    ],
    "14.3": [
        Right(padding_loop),
        Right(padding_cat),
        Right(lambda lengths, length: steps(lengths, length) >= 0),
    ],
    "14.4": [
        Right(lambda x, heads: x.unflatten(-1, (heads, -1)).movedim(2, 1)),
        Right(lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=1)),
        Right(lambda x, heads: x.mT.reshape(len(x), heads, -1, x.shape[1]).mT),
    ],
    "14.5": [
        Right(work_by_parts),
        Right(work_by_shapes),
        Right(lambda length, d, ff: 4 * length * d**2 + 2 * length**2 * d + 2 * length * d * ff),
    ],
    "14.6": [
        Right(DecoderLayer),
        Right(ByHand),
        Right(HeadList),
        Right(Separate),
        Right(Interleaved),
        Right(ByHead),
        Right(ByHeadTurned),
        Right(ByHeadWidthFirst),
        Right(ByHeadAndEnd),
        Right(OneStack),
        Right(Products),
        Right(Convolutions),
        Right(OtherEps),
    ],
}

WRONG = {
    "14.1": [
        Wrong(lambda q, k: (q @ k.transpose(-2, -1)).softmax(-1), hint="division by √d"),
        Wrong(
            lambda q, k: (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-2),
            hint="over the queries",
        ),
        Wrong(lambda q, k: (q @ k.transpose(-2, -1) / q.shape[-1]).softmax(-1), hint="by its root"),
        Wrong(lambda q, k: q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), hint="These are the scores"),
        Wrong(weights_overflow, hint="overflows"),
        Wrong(weights_by_the_largest, hint="holds NaN"),
        Wrong(weights_to_four_axes, hint="raised"),
        Wrong(lambda q, k: weights_right(q, k).detach(), hint="carries no gradient"),
        Wrong(lambda q, k: weights_right(q.detach(), k), hint="the gradient by argument 1"),
        Wrong(lambda q, k: (q @ k.T / math.sqrt(q.shape[-1])).softmax(-1), hint="raised"),
    ],
    "14.2": [
        Wrong(lambda length, window: band(length, -length, 0), hint="all steps before it"),
        Wrong(lambda length, window: ~band(length, 1 - window, 0), hint="other way round"),
        Wrong(lambda length, window: band(length, 0, window - 1), hint="into the future"),
        Wrong(lambda length, window: band(length, -window, 0), hint="one step too many"),
        Wrong(lambda length, window: band(length, 1 - window, 0).float(), hint="a bool mask"),
        Wrong(lambda length, window: band(length, -window, -1), hint="Row by row"),
        Wrong(lambda length, window: band(length, 2 - window, 0), hint="one step too few"),
        Wrong(lambda length, window: band(length, 1 - window, window - 1), hint="as far as back"),
        Wrong(lambda length, window: band(length, -1, 0), hint="one step too many"),
    ],
    "14.3": [
        Wrong(lambda lengths, length: steps(lengths, length) < 0, hint="*ignore*"),
        Wrong(lambda lengths, length: steps(lengths, length) > 0, hint="one step of padding"),
        Wrong(lambda lengths, length: (steps(lengths, length) >= 0).T, hint="should have"),
        Wrong(lambda lengths, length: steps(lengths, length) >= -1, hint="hides the last real step"),
        Wrong(lambda lengths, length: steps(lengths, 4) >= 0, hint="should have"),
        Wrong(lambda lengths, length: (steps(lengths, length) >= 0).long(), hint="a bool mask"),
        Wrong(lambda lengths, length: steps(lengths.clamp(min=1), length) >= 0, hint="Row by row"),
    ],
    "14.4": [
        Wrong(lambda x, heads: x.reshape(x.shape[0], heads, x.shape[1], -1), hint="cuts across steps"),
        Wrong(lambda x, heads: x.view(*x.shape[:2], heads, -1), hint="steps stand before the heads"),
        Wrong(lambda x, heads: x.view(*x.shape[:2], -1, heads).permute(0, 3, 1, 2), hint="in turn"),
        Wrong(lambda x, heads: x.chunk(heads, dim=-1), hint="should be a tensor"),
        Wrong(lambda x, heads: torch.stack(x.chunk(heads, dim=-1)), hint="heads stand before the batch"),
        Wrong(
            lambda x, heads: x.detach().unflatten(2, (heads, -1)).transpose(1, 2), hint="carries no gradient"
        ),
    ],
    "14.5": [
        Wrong(
            lambda length, d, ff: 4 * length * d**2 + length * (length + 1) * d + 2 * length * d * ff,
            hint="encoder_work(7, 4, 5) is 952, but should be 1120.",
        ),
        Wrong(
            lambda length, d, ff: 4 * length * d**2 + 2 * length**2 * d, hint="two linear layers are missing"
        ),
        Wrong(lambda length, d, ff: 4 * length * d**2 + 2 * length * d * ff, hint="square of the length"),
        Wrong(
            lambda length, d, ff: 3 * length * d**2 + 2 * length**2 * d + 2 * length * d * ff,
            hint="four matrices",
        ),
        Wrong(lambda length, d, ff: 4 * d**2 + 2 * length**2 * d + 2 * d * ff, hint="Every step"),
        Wrong(
            lambda length, d, ff: 4 * length * d**2 + 2 * length**2 * d + length * d * ff,
            hint="There are two linear layers",
        ),
        Wrong(lambda length, d, ff: 12 * d**2 + 13 * d, hint="should be"),
        Wrong(lambda length, d, ff: 12 * length * d**2 + 2 * length**2 * d, hint="not 4 times the width"),
        Wrong(lambda length, d, ff: 2 * work_by_parts(length, d, ff), hint="counts once"),
        Wrong(lambda length, d, ff: float(work_by_parts(length, d, ff)), hint="an int is wanted"),
        Wrong(
            lambda length, d, ff: int(torch.tensor(float(work_by_parts(length, d, ff)))),
            hint="should be 3776355686532",
        ),
    ],
    "14.6": [
        Wrong(NoMask, hint="future is not masked"),
        Wrong(MaskedAfterSoftmax, hint="−∞ *before* the softmax"),
        Wrong(MaskInverted, hint="*must not* look"),
        Wrong(DiagonalForgotten, hint="NaN"),
        Wrong(BatchSecond, hint="batch_first=True"),
        Wrong(Narrow, hint="number of parameters"),
        Wrong(NormLast, hint="come before each part"),
        Wrong(NormAtTheEnd, hint="a norm comes after the last addition"),
        Wrong(NoResidual, hint="not added back"),
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
        Wrong(Dropped, hint="no dropout"),
        Wrong(DroppedWeights, hint="no dropout"),
        Wrong(DroppedAlways, hint="no dropout"),
        Wrong(DroppedByFunction, hint="no dropout"),
        Wrong(Window, hint="look back at all"),
        Wrong(LongWindow, hint="look back at all"),
        Wrong(JoinedByReshape, hint="joined without transpose"),
        Wrong(SplitByReshape, hint="split by unflatten"),
        Wrong(Buffer, hint="raised"),
        Wrong(LargeBuffer, hint="raised"),
        Wrong(VeryLargeBuffer, hint="raised"),
        Wrong(BothNorms, hint="norm2(norm1(x))"),
        Wrong(Parallel, hint="what comes after attention"),
        Wrong(ParallelBothNorms, hint="what comes after attention"),
        Wrong(Leaky, hint="is not ReLU"),
        Wrong(NormAddedBack, hint="x itself, not norm1(x)"),
        Wrong(Detached, hint="detached"),
        Wrong(OneHeadLess, hint="number of heads"),
        Wrong(HeadListNotDivided, hint="not divided at all"),
        Wrong(HalfAdded, hint="the first half is not x + attention"),
        Wrong(ByHeadNotDivided, hint="not divided at all"),
        Wrong(HeadListWholeWidth, hint="the root of the whole width"),
    ],
}
NO_RULE = {"14.5": ["without softmax, norms and biases"]}
