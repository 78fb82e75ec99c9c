"""Checkers of chapter 14, the transformer."""

import inspect
import math

import torch
from torch import nn

from . import NotYet, call, describe, exercise, expect, require


def near(found, wanted) -> bool:
    """Whether `found` is a tensor with the shape and, nearly, the values of `wanted`."""
    same_shape = isinstance(found, torch.Tensor) and found.shape == wanted.shape
    return same_shape and torch.allclose(found.detach().float(), wanted.float(), rtol=1e-4, atol=1e-5)


def rows(mask) -> str:
    """A small mask as text, row by row."""
    return str(mask.int().tolist())


@exercise("14.1")
def attention_weights(answer):
    for shape, keys in [((3, 4), 5), ((5, 8), 5), ((2, 3, 6, 4), 7)]:
        q, k = torch.randn(shape), torch.randn(*shape[:-2], keys, shape[-1])
        d = shape[-1]
        found = call(answer, q, k, name="attention_weights")
        where = f"for q {shape} and k {tuple(k.shape)}, attention_weights"
        scores = q @ k.transpose(-2, -1)
        require(not near(found, scores / math.sqrt(d)), f"{where} gives the scores; their softmax is wanted.")
        require(not near(found, scores.softmax(-1)), f"{where} lacks the division by √d, here √{d}.")
        require(not near(found, (scores / d).softmax(-1)), f"{where} divides by d = {d}; divide by its root.")
        require(
            not near(found, (scores / math.sqrt(d)).softmax(-2)),
            f"{where} takes the softmax over the queries; for each query the weights of the *keys* sum to 1.",
        )
        expect(found, (scores / math.sqrt(d)).softmax(-1), where)
    return "The axes before the last two, batch and heads, never needed to be named."


@exercise("14.2")
def window_mask(answer):
    for length, window in [(4, 2), (5, 1), (3, 9)]:
        found = call(answer, length, window, name="window_mask")
        where = f"window_mask({length}, {window})"
        wanted = torch.ones(length, length, dtype=torch.bool).tril().triu(1 - window)
        require(
            isinstance(found, torch.Tensor) and found.shape == (length, length),
            f"{where} is {describe(found)}; a tensor of shape ({length}, {length}) is wanted.",
        )
        require(found.dtype == torch.bool, f"{where} has dtype {found.dtype}; a bool mask is wanted.")
        if torch.equal(found, ~wanted):
            raise NotYet(
                f"{where} is the other way round: in the function True means that a query *may* look."
            )
        if torch.equal(found, wanted.T) and window > 1:
            raise NotYet(f"{where} looks into the future: rows are queries, columns are keys.")
        if window < length and torch.equal(found, torch.ones_like(wanted).tril()):
            raise NotYet(
                f"{where} lets a step see all steps before it; only {window} are allowed, its own included."
            )
        if window < length and torch.equal(found, torch.ones_like(wanted).tril().triu(-window)):
            raise NotYet(f"{where} sees one step too many: the window of {window} includes the step itself.")
        require(
            torch.equal(found, wanted), f"{where} is {rows(found)}, but should be {rows(wanted)}, row by row."
        )
    return "With a window the cost grows with length times window, no longer with the square of the length."


@exercise("14.3")
def padding_mask(answer):
    for lengths, length in [([4, 2, 1], 4), ([2, 3], 5)]:
        found = call(answer, torch.tensor(lengths), length, name="padding_mask")
        where = f"padding_mask({lengths}, {length})"
        wanted = torch.arange(length) >= torch.tensor(lengths)[:, None]
        require(
            isinstance(found, torch.Tensor) and found.shape == wanted.shape,
            f"{where} is {describe(found)}; a tensor of shape {tuple(wanted.shape)}, (N, length), is wanted.",
        )
        require(found.dtype == torch.bool, f"{where} has dtype {found.dtype}; a bool mask is wanted.")
        if torch.equal(found, ~wanted):
            raise NotYet(f"{where} is the other way round: in the modules True means *ignore*.")
        if torch.equal(found, torch.arange(length) > torch.tensor(lengths)[:, None]):
            raise NotYet(
                f"{where} lets one step of padding in: of a sequence of 2 steps the last is number 1."
            )
        require(
            torch.equal(found, wanted), f"{where} is {rows(found)}, but should be {rows(wanted)}, row by row."
        )
    return "A sequence of length 0 would have every key ignored, and its attention weights would be NaN."


@exercise("14.4")
def split_heads(answer):
    for n, length, heads, width in [(3, 5, 2, 4), (1, 5, 4, 8), (3, 4, 4, 16)]:
        x = torch.arange(float(n * length * width)).view(n, length, width)
        found = call(answer, x, heads, name="split_heads")
        where = f"for x {(n, length, width)} and {heads} heads, split_heads"
        wanted = x.view(n, length, heads, -1).transpose(1, 2)
        if near(found, x.view(n, heads, length, -1)):
            raise NotYet(
                f"{where} has the right shape, but head 0 got whole steps: a view to (N, heads, L, …) at once cuts "
                "across steps; cut the last axis first, then transpose."
            )
        if near(found, x.view(n, length, -1, heads).permute(0, 3, 1, 2)):
            raise NotYet(
                f"{where} deals the columns out in turn; head 0 should have the first {width // heads}."
            )
        if near(found, wanted.transpose(0, 1)):
            raise NotYet(f"{where} puts the heads before the batch; (N, heads, L, …) is wanted.")
        if near(found, wanted.transpose(1, 2)):
            raise NotYet(
                f"{where} leaves the steps before the heads; transpose the two, to (N, heads, L, …)."
            )
        expect(found, wanted, where)
    return "On the way back `transpose(1, 2).flatten(2)` puts the heads side by side again."


@exercise("14.5")
def encoder_work(answer):
    for length, width, inner in [(7, 4, 6), (10, 8, 32), (100, 16, 64)]:
        found = call(answer, length, width, inner, name="encoder_work")
        where = f"encoder_work({length}, {width}, {inner})"
        linear, matrices, pairs = 2 * length * width * inner, 4 * length * width**2, 2 * length**2 * width
        for wrong, hint in [
            (matrices + pairs, "the two linear layers are missing"),
            (
                linear + matrices,
                "the scores and the mixing are missing, which grow with the square of the length",
            ),
            (linear + pairs, "the four width x width matrices of attention are missing"),
            (
                linear + matrices + pairs // 2,
                "there are two products of L x L: the scores, and the weights with V",
            ),
            (
                linear + 3 * matrices // 4 + pairs,
                "attention has four matrices: for Q, K, V, and one at the end",
            ),
            (linear // 2 + matrices + pairs, "there are two linear layers, to the middle and back"),
            (linear // length + matrices // length + pairs, "every step goes through the matrices"),
            (2 * (linear + matrices + pairs), "a multiply-add counts once here"),
        ]:
            require(found != wrong, f"{where} is {describe(found)}: {hint}.")
        expect(found, linear + matrices + pairs, where)
    return "With 4 · width in the middle the linear layers cost twice the matrices of attention."


@exercise("14.6")
def decoder_layer(answer):
    require(
        inspect.isclass(answer) and issubclass(answer, nn.Module),
        f"the answer should be a class made from nn.Module, but is {describe(answer)}.",
    )
    width, heads = 8, 2
    model = call(answer, width, heads, name="DecoderLayer")
    require(
        not any(
            isinstance(m, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer) for m in model.modules()
        ),
        "DecoderLayer uses PyTorch's whole layer; build it from attention, linear layers and norms.",
    )
    model.eval()
    with torch.no_grad():
        for length in (6, 3):
            x = torch.randn(2, length, width)
            found = call(model, x, name="DecoderLayer")
            require(
                isinstance(found, torch.Tensor) and found.shape == x.shape,
                f"for x {tuple(x.shape)} the output is {describe(found)}; the shape should stay.",
            )
            require(
                bool(found.isfinite().all()),
                "the output holds NaN: some query sees no key at all. In nn.MultiheadAttention True means *must not* look.",
            )
            other = x.clone()
            other[0] += torch.randn(length, width)
            moved = (call(model, other, name="DecoderLayer") - found)[1].abs().max()
            require(
                bool(moved < 1e-5), "sequence 1 notices a change in sequence 0: is batch_first=True missing?"
            )
            for step in range(1, length):
                other = x.clone()
                other[:, step] += torch.randn(width)
                moved = (call(model, other, name="DecoderLayer") - found).abs().amax(dim=(0, 2))
                require(
                    bool((moved[:step] < 1e-5).all()),
                    f"a change at step {step} is noticed at a step before it: the future is not masked.",
                )
                require(
                    bool(moved[step] > 1e-5), f"a change at step {step} is not noticed at step {step} itself."
                )
                if step < length - 1:
                    require(
                        bool((moved[step + 1 :] > 1e-7).all()),
                        f"a change at step {step} is not noticed later: attention should look back.",
                    )
        x = torch.randn(2, 3, width)
        scaled = call(model, 1000 * x, name="DecoderLayer")
        require(
            bool(((scaled - 1000 * x).abs() < 100).all()),
            "a large input does not come through: with norm_first=True the input itself is added back, twice, and "
            "nothing is normalised after that.",
        )
        found = sum(p.numel() for p in model.parameters())
        wanted = 12 * width**2 + 13 * width
        expect(found, wanted, f"the number of parameters for width {width}", "It is 12 width² + 13 width.")
        _check_feed_forward(model, width)
        _check_root(answer, width)
        heads_used = sorted(_heads(answer, width))
        require(
            heads_used == [1, 2, 4],
            "the number of heads makes no difference to the output; the columns should be cut into `heads` groups.",
        )
    model(torch.randn(2, 5, width)).square().sum().backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    require(
        not unused,
        f"the parameters {', '.join(unused)} are made but never used: is a norm or a layer left out?",
    )
    return "Stack some of these between an embedding (chapter 17) and a linear layer, and it is a language model."


def _check_feed_forward(model, width):
    """Refuse a missing or another activation: W relu(s z) grows with s > 0 in proportion, and not with s < 0."""
    first = [p for p in model.parameters() if p.shape[:2] == (4 * width, width) or p.shape == (4 * width,)]
    if len(first) != 2:  # stored in a form that we do not know
        return
    x, kept, outputs = torch.randn(2, 5, width), [p.clone() for p in first], {}
    for factor in (1, 2, 4, -1):
        for p, old in zip(first, kept, strict=True):
            p.copy_(factor * old)
        outputs[factor] = call(model, x, name="DecoderLayer")
    for p, old in zip(first, kept, strict=True):
        p.copy_(old)
    step = outputs[2] - outputs[1]
    require(
        not torch.allclose(outputs[-1] - outputs[1], -2 * step, atol=1e-5),
        "there is no activation between the two linear layers, so they are no more than one.",
    )
    require(
        torch.allclose(outputs[4] - outputs[1], 3 * step, atol=1e-5),
        "the activation between the two linear layers is not ReLU.",
    )


def _check_root(answer, width):
    """Refuse attention by hand that does not divide by the root of a head's width.

    With identity matrices and a feed-forward part of zeros the output is x + attention(norm(x)), whatever the names
    and the order of the parameters.
    """
    model, x = call(answer, width, 2, name="DecoderLayer").eval(), torch.randn(1, 5, width)
    for p in model.parameters():
        if p.shape in ((width, width), (3 * width, width)):
            p.copy_(torch.eye(width).repeat(len(p) // width, 1))
        elif not bool((p == 1).all()):  # a norm's weights stay
            p.zero_()
    found = call(model, x, name="DecoderLayer")
    normed = nn.functional.layer_norm(x, (width,))
    heads = normed.view(1, 5, 2, width // 2).transpose(1, 2)  # (N, heads, L, d)
    for by, hint in [
        (1, "are not divided at all"),
        (math.sqrt(width), "are divided by the root of the whole width"),
        (width / 2, "are divided by the width of a head itself"),
    ]:
        mixed = nn.functional.scaled_dot_product_attention(heads, heads, heads, is_causal=True, scale=1 / by)
        wrong = x + mixed.transpose(1, 2).flatten(2)
        require(
            not near(found, wrong), f"the scores {hint}; divide them by √d, where d is the width of one head."
        )


def _heads(answer, width):
    """Of 1, 2 and 4 heads, those whose layer, made from the same seed, gives an output of its own."""
    x, seen, own = torch.randn(1, 5, width), [], []
    for heads in (1, 2, 4):
        torch.manual_seed(0)
        output = call(call(answer, width, heads, name="DecoderLayer").eval(), x, name="DecoderLayer")
        if not any(torch.allclose(output, other, atol=1e-6) for other in seen):
            own.append(heads)
        seen.append(output)
    return own
