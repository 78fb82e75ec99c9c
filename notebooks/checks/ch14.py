"""Checkers of chapter 14, the transformer."""

import inspect
import math
from functools import partial
from itertools import permutations, product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import NotYet, _, call, describe, exercise, expect, expect_trainable, require, same


@exercise("14.1")
def attention_weights(answer):
    why = _("It is the softmax, over the keys, of q @ k.transpose(-2, -1) / √d.")
    for shape, keys, size in [
        ((3, 4), 5, 1),
        ((5, 8), 5, 1),
        ((2, 3, 6, 4), 7, 1),
        ((6, 9), 3, 1000),  # some rows of scores are far below others
        ((2, 3, 2, 5, 4), 6, 1),
    ]:
        q, k = size * torch.randn(shape), torch.randn(*shape[:-2], keys, shape[-1])
        d = shape[-1]
        scores = q @ k.transpose(-2, -1)
        where = _("for q {q} and k {k}, attention_weights", q=shape, k=tuple(k.shape))
        expected = (scores / math.sqrt(d)).softmax(-1)
        mistakes = {
            _("These are the scores; their softmax is wanted."): scores / math.sqrt(d),
            _("The division by √d is missing, here √{d}.", d=d): scores.softmax(-1),
            _("It divides by d = {d}; divide by its root.", d=d): (scores / d).softmax(-1),
            _("The softmax runs over the queries; for each query the weights of the *keys* sum to 1."): (
                scores / math.sqrt(d)
            ).softmax(-2),
            _("The softmax runs over all pairs; for each query the weights of the keys sum to 1."): (
                scores / math.sqrt(d)
            )
            .flatten(-2)
            .softmax(-1)
            .unflatten(-1, scores.shape[-2:]),
        }
        found = call(answer, q, k, name="attention_weights")
        if isinstance(found, Tensor) and size > 1 and not bool(found.isfinite().all()):
            raise NotYet(
                _("{where} holds NaN: exp of a large score overflows; softmax takes care of it.", where=where)
            )
        expect(found, expected, where, why, mistakes=mistakes)
        expect_trainable(
            answer,
            lambda q, k: (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1),
            q,
            k,
            what=where,
            why=why,
            name="attention_weights",
        )
    return _("The axes before the last two, batch and heads, never needed to be named.")


def _expect_mask(found, wanted, where, mistakes):
    """`found` is the bool mask `wanted`; a mask of numbers has a hint of its own."""
    require(
        not isinstance(found, Tensor) or found.shape != wanted.shape or found.dtype == torch.bool,
        _("{where} is {found}; a bool mask is wanted.", where=where, found=describe(found)),
    )
    why = _("Row by row, 1 for True: {rows}.", rows=str(wanted.int().tolist()))
    expect(found, wanted, where, why, mistakes=mistakes)


@exercise("14.2")
def window_mask(answer):
    for length, window in [(4, 2), (5, 1), (3, 9), (7, 3), (6, 6), (1, 1)]:
        found = call(answer, length, window, name="window_mask")
        where = _("window_mask({length}, {window})", length=length, window=window)
        below = torch.ones(length, length, dtype=torch.bool).tril()
        wanted = below.triu(1 - window)
        mistakes = {
            _("It is the other way round: in the function True means that a query *may* look."): ~wanted,
            _("It looks into the future: rows are queries, columns are keys."): wanted.T,
            _(
                "A step sees all steps before it; only {window} are allowed, its own included.", window=window
            ): (below),
            _(
                "A step sees one step too many: the window of {window} includes the step itself.",
                window=window,
            ): below.triu(-window),
            _(
                "A step sees one step too few: the window of {window} includes the step itself.",
                window=window,
            ): (below.triu(2 - window)),
            _("It looks ahead as far as back; the future is not allowed."): wanted | wanted.T,
        }
        _expect_mask(found, wanted, where, mistakes)
    return _(
        "With this mask the function still computes all length x length scores; only a program made for windows "
        "saves that work."
    )


@exercise("14.3")
def padding_mask(answer):
    for lengths, length in [
        ([4, 2, 1], 4),
        ([2, 3], 5),
        ([1], 1),
        ([2, 3, 1], 3),
        ([6, 1, 5, 3], 6),
        ([2, 0], 3),
    ]:
        given = torch.tensor(lengths)
        found = call(answer, given, length, name="padding_mask")
        where = _("padding_mask({lengths}, {length})", lengths=lengths, length=length)
        steps = torch.arange(length)
        wanted = steps >= given[:, None]
        mistakes = {
            _("It is the other way round: in the modules True means *ignore*."): ~wanted,
            _("It lets one step of padding in: of a sequence of 2 steps the last is number 1."): (
                steps > given[:, None]
            ),
            _("It hides the last real step: of a sequence of 2 steps the last is number 1."): (
                steps >= given[:, None] - 1
            ),
            _("Its axes are exchanged; (N, length) is wanted."): wanted.T,
        }
        _expect_mask(found, wanted, where, mistakes)
    return _("A sequence of length 0 would have every key ignored, and its attention weights would be NaN.")


@exercise("14.4")
def split_heads(answer):
    for n, length, heads, width in [(3, 5, 2, 4), (1, 5, 4, 8), (3, 4, 4, 16), (2, 3, 1, 6), (4, 4, 4, 4)]:
        x = torch.randn(n, length, width)
        found = call(answer, x, heads, name="split_heads")
        where = _("for x {x} and {heads} heads, split_heads", x=tuple(x.shape), heads=heads)
        wanted = x.view(n, length, heads, -1).transpose(1, 2)
        mistakes = {
            _(
                "The shape is right, but head 0 got whole steps: a view to (N, heads, L, …) at once cuts across "
                "steps; cut the last axis first, then transpose."
            ): x.view(n, heads, length, -1),
            _(
                "The columns are dealt out in turn; head 0 should have the first {count}.",
                count=width // heads,
            ): x.view(n, length, -1, heads).permute(0, 3, 1, 2),
            _("The heads stand before the batch; (N, heads, L, …) is wanted."): wanted.transpose(0, 1),
            _("The steps stand before the heads; transpose the two, to (N, heads, L, …)."): (
                wanted.transpose(1, 2)
            ),
        }
        expect(found, wanted, where, mistakes=mistakes)
        expect_trainable(
            lambda x, heads=heads: call(answer, x, heads, name="split_heads"),
            lambda x, heads=heads: x.unflatten(2, (heads, -1)).transpose(1, 2),
            x,
            what=where,
        )
    return _("On the way back `transpose(1, 2).flatten(2)` puts the heads side by side again.")


@exercise("14.5")
def encoder_work(answer):
    for length, width, inner in [(7, 4, 5), (10, 8, 32), (100, 16, 64), (3, 32, 5), (40_001, 1023, 4095)]:
        found = call(answer, length, width, inner, name="encoder_work")
        where = _("encoder_work({length}, {width}, {inner})", length=length, width=width, inner=inner)
        linear, matrices, pairs = 2 * length * width * inner, 4 * length * width**2, 2 * length**2 * width
        mistakes = {
            _("The two linear layers are missing."): matrices + pairs,
            _("The scores and the mixing are missing, which grow with the square of the length."): (
                linear + matrices
            ),
            _("The four width x width matrices of attention are missing."): linear + pairs,
            _("There are two products of L x L: the scores, and the weights with V."): (
                linear + matrices + pairs // 2
            ),
            _("Attention has four matrices: for Q, K, V, and one at the end."): (
                linear + 3 * matrices // 4 + pairs
            ),
            _("There are two linear layers, to the middle and back."): linear // 2 + matrices + pairs,
            _("Every step goes through the matrices."): linear // length + matrices // length + pairs,
            _("The middle of the linear layers is {inner} here, not 4 times the width.", inner=inner): (
                8 * length * width**2 + matrices + pairs
            ),
            _("A multiply-add counts once here."): 2 * (linear + matrices + pairs),
        }
        expect(found, linear + matrices + pairs, where, rtol=0, mistakes=mistakes)
    return _("With 4 · width in the middle the linear layers cost twice the matrices of attention.")


WIDTH, HEADS = 16, 2  # a matrix for one of four heads has more numbers than a bias for Q, K and V


@exercise("14.6")
def decoder_layer(answer):
    require(
        inspect.isclass(answer) and issubclass(answer, nn.Module),
        _("the answer should be a class made from nn.Module, but is {found}.", found=describe(answer)),
    )
    model = call(answer, WIDTH, HEADS, name="DecoderLayer")
    whole = nn.TransformerEncoderLayer | nn.TransformerDecoderLayer | nn.TransformerEncoder | nn.Transformer
    require(
        not any(isinstance(m, whole) for m in model.modules()),
        _("DecoderLayer uses PyTorch's whole layer; build it from attention, linear layers and norms."),
    )
    with torch.no_grad():
        x = torch.randn(2, 5, WIDTH)
        for training in (True, False):
            model.train(training)
            require(
                same(call(model, x, name="DecoderLayer"), call(model, x, name="DecoderLayer")),
                _("the same input gives another output each time; no dropout is wanted."),
            )
        _check_mask(model)
        expect(
            sum(p.numel() for p in model.parameters()),
            12 * WIDTH**2 + 13 * WIDTH,
            _("the number of parameters for width {width}", width=WIDTH),
            _("It is 12 width² + 13 width: four matrices of attention, two linear layers, two norms."),
        )
    call(model, torch.randn(2, 5, WIDTH), name="DecoderLayer").square().sum().backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    require(
        not unused,
        _(
            "the parameters {names} are made but never used: is a norm or a layer left out?",
            names=", ".join(unused),
        ),
    )
    for heads in (HEADS, 4, 1):
        _compare(call(answer, WIDTH, heads, name="DecoderLayer"), heads)
    return _(
        "With positions, an embedding (chapter 17) and a linear layer, a stack of these is a language model."
    )


def _check_mask(model):
    """Any length, each sequence on its own, no step sees the future, each sees its past."""
    for n, length in [(2, 6), (2, 3), (1, 1), (1, 70), (1, 2100)]:
        x = torch.randn(n, length, WIDTH)
        found = call(model, x, name="DecoderLayer")
        require(
            isinstance(found, Tensor) and found.shape == x.shape,
            _(
                "for x {x} the output is {found}; the shape should stay.",
                x=tuple(x.shape),
                found=describe(found),
            ),
        )
        require(
            bool(found.isfinite().all()),
            _(
                "the output holds NaN: some query sees no key at all. In nn.MultiheadAttention True means *must not* "
                "look."
            ),
        )
        if n == 2:
            other = x.clone()
            other[0] += torch.randn(length, WIDTH)
            moved = (call(model, other, name="DecoderLayer") - found)[1].abs().max()
            require(
                bool(moved < 1e-5),
                _("sequence 1 notices a change in sequence 0: is batch_first=True missing?"),
            )
        for step in range(1, length) if length < 10 else [0, length // 2]:
            other = x.clone()
            other[:, step] += torch.randn(WIDTH)
            moved = (call(model, other, name="DecoderLayer") - found).abs().amax(dim=(0, 2))
            require(
                bool((moved[:step] < 1e-5).all()),
                _(
                    "a change at step {step} is noticed at a step before it: the future is not masked (scores of −∞ "
                    "*before* the softmax), or the heads are joined without transpose(1, 2), which mixes the steps.",
                    step=step,
                ),
            )
            require(
                bool(moved[step] > 1e-5),
                _("a change at step {step} is not noticed at step {step} itself.", step=step),
            )
            later = moved[step + 1 :] > 1e-7
            require(
                bool(later.all() if length < 10 else later[-length // 4 :].any()),
                _(
                    "of {length} steps, not all after step {step} notice a change there: attention should look back at "
                    "all of them, and heads be split by unflatten and transpose(1, 2), which keeps the steps apart.",
                    length=length,
                    step=step,
                ),
            )


NOT_ATTENTION = _(
    "the first half is not x + attention(norm1(x)), with Q, K and V made by a matrix each and one more matrix after "
    "the heads."
)

# The layer is compared with a reference that has the learner's own parameters. Their names and their order are the
# learner's, so each sensible way of reading them is tried.


def _rows(p: Tensor, turn: bool) -> Tensor:
    """A parameter of attention as rows of WIDTH numbers, one row for each of the others.

    turn: whether the first axis of length WIDTH becomes the rows, where there are two: (width, width) is square, and
    with one head (heads, width, d) is, too.
    """
    axes = [axis for axis, length in enumerate(p.shape) if length == WIDTH]
    return p.movedim(axes[0 if turn else -1], -1).reshape(-1, WIDTH)


def _readings(matrices: list[Tensor], heads: int) -> tuple[Tensor, Tensor]:
    """Of all readings, Q's, K's and V's rows (…, 3, heads, d, width), and the last matrix (…, width, heads, d)."""
    found = []
    outs = [i for i, p in enumerate(matrices) if p.numel() == WIDTH**2]
    orders = sorted(permutations(range(3)), key=lambda order: order.index(2) != 2)  # usual ones first
    for turn, turned, last, dealt in product((False, True), (False, True), outs[::-1], (False, True)):
        inputs = matrices[:last] + matrices[last + 1 :]
        if turn and all(p.shape.count(WIDTH) == 1 for p in inputs):
            continue
        stacked, out = torch.cat([_rows(p, turn) for p in inputs]), _rows(matrices[last], not turned).T
        if stacked.shape[0] != 3 * WIDTH or (turned and matrices[last].shape.count(WIDTH) == 1):
            continue
        d = WIDTH // heads
        out = out.view(WIDTH, d, heads).mT if dealt else out.view(WIDTH, heads, d)
        for order, roles in product(orders, permutations(range(3))):
            sizes = [(3, heads, d)[axis] for axis in order]
            parts = stacked.view(*sizes, WIDTH).permute(*(order.index(axis) for axis in range(3)), 3)
            found.append((parts[list(roles)], out))
    require(bool(found), NOT_ATTENTION)
    parts, outs = zip(*found, strict=True)
    return torch.stack(parts), torch.stack(outs)


def _attention(x: Tensor, parts: Tensor, out: Tensor, scale: float | None = None) -> Tensor:
    """Of one reading, or of many at once."""
    q, k, v = torch.einsum("nlw,...rhdw->r...nhld", x, parts)
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
    return torch.einsum("...nhld,...whd->...nlw", mixed, out)


def _fits(found: Tensor, tried: Tensor) -> list[int]:
    """The numbers of the readings, the first axis of `tried`, that give what was found."""
    close = torch.isclose(found, tried, rtol=1e-3, atol=1e-4)
    return close.flatten(1).all(1).nonzero().flatten().tolist()


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    return F.layer_norm(x, (WIDTH,), gain)


def _compare(model: nn.Module, heads: int) -> None:
    """Raise NotYet unless the model computes x + attention(norm1(x)), and then x + feed_forward(norm2(x))."""
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-5  # the learner may choose another
    parameters = [p.detach() for p in model.parameters()]
    gains = [p for p in parameters if p.shape == (WIDTH,) and bool((p == 1).all())]
    inner = [p for p in parameters if sorted(p.squeeze(-1).shape) == [WIDTH, 4 * WIDTH]]
    middle = [p for p in parameters if p.shape == (4 * WIDTH,)]
    matrices = [p for p in parameters if p.numel() > 3 * WIDTH and WIDTH in p.shape]
    matrices = [p for p in matrices if not any(p is part for part in inner)]
    require(len(gains) == 2, _("two norms are wanted, each with a weight that starts at 1 for each column."))
    require(
        len(inner) == 2 and len(middle) == 1,
        _("two linear layers are wanted, from width to 4 · width and back, each with a bias."),
    )
    with torch.no_grad():
        for p in parameters:
            p.zero_()
        for gain in gains:
            gain.copy_(1 + 0.5 * torch.randn(WIDTH))
        for p in matrices:
            p.copy_(0.5 * torch.randn(p.shape))
        x = torch.randn(2, 5, WIDTH)
        h = call(model, x, name="DecoderLayer")  # the feed-forward part gives 0
        reading = _read_attention(x, h, gains, matrices, heads)
        for p in inner:
            p.copy_(0.5 * torch.randn(p.shape))
        middle[0].copy_(torch.randn(4 * WIDTH))
    norm1, norm2, parts, out = reading
    # x @ W instead of F.linear: the first matrix is stored as (width, 4 · width)
    first, second = [p.squeeze(-1) for p in inner]
    pairs = [(first, second), (second, first)]
    pairs = [(a, b) if a.shape[0] > WIDTH else (a.T, b.T) for a, b in pairs]

    def feed_forward(x, act=F.relu, *, up, down):
        return F.linear(act(F.linear(x, up, middle[0])), down)

    found = call(model, x, name="DecoderLayer").detach()
    ways = [
        (up, down)
        for up, down in pairs
        if same(found, h + feed_forward(_norm(h, norm2), up=up, down=down), 1e-3, 1e-4)
    ]
    if not ways:
        for up, down in pairs:
            _name_feed_forward(found, x, h, norm1, norm2, partial(feed_forward, up=up, down=down))
        raise NotYet(
            _(
                "the second half is not x + feed_forward(norm2(x)), where x is what comes out of the first half."
            )
        )

    def reference(x):
        h = x + _attention(_norm(x, norm1), parts, out)
        return h + feed_forward(_norm(h, norm2), up=ways[0][0], down=ways[0][1])

    slopes = []
    for layer in (model, reference):
        leaf = x.clone().requires_grad_()
        layer(leaf).square().sum().backward()
        slopes.append(leaf.grad)
    expect(
        slopes[0],
        slopes[1],
        _("the gradient of the output by x"),
        _("Is something detached?"),
        rtol=1e-3,
        atol=1e-3,
    )


def _read_attention(x, h, gains, matrices, heads):
    """(norm1, norm2, Q K V, last matrix) of the reading under which h is x + attention(norm1(x))."""
    require(bool(h.any()), _("what went into the second half is not added back after it."))
    orders = [gains, gains[::-1]]
    readings = _readings(matrices, heads)
    for norm1, norm2 in orders:
        for i in _fits(h, x + _attention(_norm(x, norm1), *readings)):
            return norm1, norm2, readings[0][i], readings[1][i]
    d = WIDTH // heads
    for scale, hint in [
        (1, _("the scores are not divided at all; divide them by √d, where d is the width of one head.")),
        (
            WIDTH**-0.5,
            _("the scores are divided by the root of the whole width; d in √d is the width of one head."),
        ),
        (1 / d, _("the scores are divided by the width of a head itself; divide them by its root, √d.")),
    ]:
        for norm1 in gains:
            require(not _fits(h, x + _attention(_norm(x, norm1), *readings, scale)), hint)
    for other in {1, 2, 4} - {heads}:
        others = _readings(matrices, other)
        for norm1 in gains:
            require(
                not _fits(h, x + _attention(_norm(x, norm1), *others)),
                _(
                    "with {heads} heads the output is that of {other}: the number of heads makes no difference; cut "
                    "the columns into `heads` groups.",
                    heads=heads,
                    other=other,
                ),
            )
    for norm1, norm2 in orders:
        mixed = _attention(_norm(x, norm1), *readings)
        for wrong, hint in [
            (mixed, _("the input is not added back after attention.")),
            (_norm(x, norm1) + mixed, _("what is added back after attention is x itself, not norm1(x).")),
            (x + _attention(x, *readings), _("attention reads x as it is; it should read norm1(x).")),
            (
                _norm(_norm(x + _attention(x, *readings), norm1), norm2),
                _("the norms come after the additions; with norm_first=True they come before each part."),
            ),
            (
                _norm(x + mixed, norm2),
                _(
                    "a norm comes after the last addition; with norm_first=True each norm comes before its part."
                ),
            ),
        ]:
            require(not _fits(h, wrong), hint)
    raise NotYet(NOT_ATTENTION)


def _name_feed_forward(found, x, h, norm1, norm2, feed_forward):
    """Raise NotYet for a known mistake in the second half; h: what comes out of the first."""
    inside = _norm(h, norm2)
    none = _("there is no activation between the two linear layers, so they are no more than one.")
    other = _("the activation between the two linear layers is not ReLU.")
    for wrong, hint in [
        (h + feed_forward(inside, lambda x: x), none),
        *((h + feed_forward(inside, act), other) for act in (F.gelu, F.leaky_relu, F.silu, F.elu, F.tanh)),
        (feed_forward(inside), _("what went into the second half is not added back after it.")),
        (
            x + feed_forward(inside),
            _("the second half adds the layer's input back; add what comes after attention."),
        ),
        (h + feed_forward(h), _("the linear layers read x as it is; they should read norm2(x).")),
        (
            h + feed_forward(_norm(x, norm2)),
            _("the linear layers read the layer's input; they should read what comes after attention."),
        ),
        (
            h + feed_forward(_norm(_norm(h, norm1), norm2)),
            _("the linear layers read norm2(norm1(x)); they should read norm2(x)."),
        ),
        (
            h + feed_forward(_norm(_norm(x, norm1), norm2)),
            _(
                "the linear layers read norm2(norm1(x)) of the layer's input; they should read what comes after attention."
            ),
        ),
        (_norm(h, norm2) + feed_forward(inside), _("what is added back is x itself, not norm2(x).")),
    ]:
        require(not same(found, wrong, 1e-3, 1e-4), hint)
