"""Checkers of chapter 13, recurrent layers."""

import inspect
from itertools import product

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from . import (
    NotYet,
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    loops_in,
    names_in,
    pytorchs_own,
    require,
    same,
    switched_off,
)


@exercise("13.1")
def rnn_step(answer):
    def step(x, h, w_ih, w_hh, b_ih, b_hh):
        return (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).tanh()

    why = _("It is tanh(x @ w_ih.T + …), the same for h, and both biases.")
    for n, inputs, hidden in [(4, 3, 3), (1, 1, 2), (2, 5, 3), (3, 3, 3)]:
        w_ih, w_hh, b_ih, b_hh = (p.detach() for p in nn.RNNCell(inputs, hidden).parameters())
        x, h = torch.randn(n, inputs), torch.randn(n, hidden)
        args = x, h, w_ih, w_hh, b_ih, b_hh
        where = _("for x {x} and h {h}, rnn_step", x=(n, inputs), h=(n, hidden))
        inside = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        mistakes = {
            _("This is the sum as it is; tanh is missing."): inside,
            _("It uses ReLU; tanh is wanted."): inside.relu(),
            _("It uses the sigmoid; tanh is wanted."): inside.sigmoid(),
            _("It does not use the old state h at all."): (x @ w_ih.T + b_ih + b_hh).tanh(),
            _("It leaves out b_hh; nn.RNNCell has two biases and adds both."): (inside - b_hh).tanh(),
            _("It leaves out b_ih; nn.RNNCell has two biases and adds both."): (inside - b_ih).tanh(),
            _("It leaves out both biases, b_ih and b_hh."): (inside - b_ih - b_hh).tanh(),
        }
        if inputs == hidden:
            hint = _("It multiplies by the weights as they are; they are (out, in), so transpose them.")
            mistakes[hint] = (x @ w_ih + b_ih + h @ w_hh + b_hh).tanh()
        expect(call(answer, *args, name="rnn_step"), step(*args), where, why, mistakes=mistakes)
        expect_trainable(answer, step, *args, what=where, why=why, name="rnn_step")
    return _(
        "PyTorch keeps two biases where one would do, because cuDNN, the library for NVIDIA GPUs, has two."
    )


@exercise("13.2")
def gru_shapes(answer):
    sizes = [(4, 7, 5), (1, 6, 2), (3, 2, 4)]
    for (n, length, hidden), layers, both, first in product(sizes, (1, 3, 7), (False, True), (False, True)):
        x = torch.zeros((n, length, 2) if first else (length, n, 2))
        output, h_n = nn.GRU(2, hidden, layers, bidirectional=both, batch_first=first)(x)
        output, h_n = tuple(output.shape), tuple(h_n.shape)
        settings = {"layers": layers, "bidirectional": both, "batch_first": first}
        settings = {
            key: value for key, value in settings.items() if value is True or value > 1
        }  # defaults too
        off = [(nn.GRU, "__init__"), (nn.RNNBase, "__init__"), *pytorchs_own("gru")]
        with switched_off(_("GRU"), *off):
            found = call(answer, n, length, hidden, name="gru_shapes", **settings)
        shown = "".join(f", {key}={value}" for key, value in settings.items())
        where = _(
            "gru_shapes({n}, {length}, {hidden}{shown})", n=n, length=length, hidden=hidden, shown=shown
        )
        require(
            isinstance(found, list | tuple) and len(found) == 2,
            _(
                "{where} is {found}; two shapes are wanted, output's and h_n's.",
                where=where,
                found=describe(found),
            ),
        )
        mistakes = {_("With two directions their states stand side by side."): (*output[:2], hidden)}
        if first:
            mistakes[_("With batch_first the batch comes first.")] = (length, n, output[2])
        else:
            mistakes[_("Without batch_first the length comes first.")] = (n, length, output[2])
        expect(found[0], output, _("output's shape in {where}", where=where), mistakes=mistakes)
        rows = layers * (2 if both else 1)
        mistakes = {
            _("batch_first does not change h_n, only output."): (n, rows, hidden),
            _("It holds one state per layer, not the top layer's alone."): (rows // layers, n, hidden),
        }
        why = _("It holds one state per layer and direction.") if both else _("It holds one state per layer.")
        expect(found[1], h_n, _("h_n's shape in {where}", where=where), why, mistakes=mistakes)
    return _("For an LSTM, c_n has the shape of h_n, unless proj_size makes h smaller than c.")


@exercise("13.3")
def lstm_parameters(answer):
    for inputs, hidden, layers, both in [
        (7, 5, 1, False),
        (7, 5, 2, False),
        (7, 5, 1, True),
        (4, 2, 3, True),
        (1, 6, 4, False),
        (3, 2, 9, True),
        (2, 5, 6, False),
    ]:
        layer = nn.LSTM(inputs, hidden, layers, bidirectional=both)
        wanted = sum(p.numel() for p in layer.parameters())
        settings = (layers, both) if both else (layers,) if layers > 1 else ()  # the defaults too
        off = [(kind, "__init__") for kind in (nn.LSTM, nn.RNNBase, nn.RNNCellBase)]
        with switched_off(_("LSTM"), *off):
            found = call(answer, inputs, hidden, *settings, name="lstm_parameters")
        shown = "".join(f", {value}" for value in settings)
        where = _("lstm_parameters({inputs}, {hidden}{shown})", inputs=inputs, hidden=hidden, shown=shown)
        d = 2 if both else 1
        mistakes = {
            _("Each block has two biases per unit, b_ih and b_hh."): wanted - 4 * hidden * layers * d,
            _("Each block has biases too, b_ih and b_hh."): wanted - 8 * hidden * layers * d,
            _("An LSTM has four blocks, a GRU three."): wanted * 3 // 4,
            _("That is one block; an LSTM has four."): wanted // 4,
        }
        if layers > 1:
            hint = _(
                "The second layer reads the states of the first, {count} numbers, not the {inputs} inputs.",
                count=d * hidden,
                inputs=inputs,
            )
            mistakes[hint] = layers * d * 4 * hidden * (inputs + hidden + 2)
        if both:
            mistakes[_("There are two directions, each with weights of its own.")] = wanted // 2
            hint = _(
                "The second layer reads the states of both directions, {count} numbers.", count=2 * hidden
            )
            mistakes[hint] = wanted - (layers - 1) * 8 * hidden * hidden
        shapes = ", ".join(f"{name} {tuple(p.shape)}" for name, p in list(layer.named_parameters())[:4])
        expect(found, wanted, where, _("The first layer has {shapes}.", shapes=shapes), mistakes=mistakes)
    return _("A GRU has three quarters of this, an RNN one quarter.")


@exercise("13.4")
def last_states(answer):
    for n, length, hidden, lengths in [
        (3, 5, 2, [1, 4, 3]),
        (3, 4, 2, [4, 2, 3]),
        (1, 5, 2, [5]),
        (4, 6, 3, [2, 6, 6, 1]),
        (2, 2, 2, [2, 2]),
    ]:
        output = torch.randn(n, length, hidden)  # in no order: the largest is not the last
        rows, ends = torch.arange(n), torch.tensor(lengths)
        where = _(
            "for output {output} and lengths {lengths}, last_states",
            output=(n, length, hidden),
            lengths=lengths,
        )
        wanted = output[rows, ends - 1]
        real = torch.where((torch.arange(length) < ends[:, None])[..., None], output, 0)
        mistakes = {
            _("It is output[:, -1], which is padding for the shorter sequences."): output[:, -1],
            _("It is one step too late: the first step is number 0, so the last is lengths - 1."): (
                output[rows, ends.clamp(max=length - 1)]
            ),
            _("It is one step too early."): output[rows, (ends - 2).clamp(min=0)],
            _("It is the largest number of each column; the last one is wanted."): output.amax(1),
            _("It is the sum of the real steps; the last one is wanted."): real.sum(1),
            _("It is the mean of the real steps; the last one is wanted."): real.sum(1) / ends[:, None],
            _("It holds the first steps; the last real ones are wanted."): output[:, 0],
            _(
                "A slice `:` beside the lengths takes every pair of a sequence and a length; index the sequences by "
                "torch.arange as well."
            ): output[:, ends - 1],
            _("These are the right states, but axis 1 is still there."): wanted[:, None],
        }
        why = _("The last real steps are number {ends}.", ends=[end - 1 for end in lengths])
        expect(call(answer, output, ends, name="last_states"), wanted, where, why, mistakes=mistakes)
        expect_trainable(
            answer,
            lambda o, e: o[torch.arange(len(o)), e - 1],
            output,
            ends,
            what=where,
            why=why,
            name="last_states",
        )
        other = output.masked_fill((torch.arange(length) >= ends[:, None])[..., None], torch.nan)
        found = call(answer, other, ends, name="last_states")
        expect(found, wanted, where, _("The padding may hold anything, NaN too; it must not be read."))
    require(
        loops_in(answer) == 0 and not {"map", "last_states"} & set(names_in(answer)),
        _("there is a loop in last_states; index all sequences at once, without a loop."),
    )
    # A loop may hide in a function that the answer calls: then more sequences take more operations.
    few, many = (
        operations(answer, torch.randn(n, 3, 2), torch.tensor([1, 2, 3, 2] * (n // 4))) for n in (4, 40)
    )
    require(
        many <= few,
        _(
            "for 4 sequences last_states runs {few} operations of PyTorch, for 40 sequences {many}: that is a loop. "
            "Index all sequences at once, without a loop.",
            few=few,
            many=many,
        ),
    )
    return _("Indexing passes gradients back, and only to the steps that were picked.")


class Counter(TorchDispatchMode):
    """Counts PyTorch's operations."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def operations(answer, *args) -> int:
    """How many operations of PyTorch a call of the answer runs."""
    with Counter() as counter:
        call(answer, *args, name="last_states")
    return counter.count


@exercise("13.5")
def classifier(answer):
    require(
        inspect.isclass(answer) and issubclass(answer, nn.Module),
        _("the answer should be a class made from nn.Module, but is {found}.", found=describe(answer)),
    )
    for inputs, hidden, classes in [(3, 4, 5), (2, 2, 2)]:
        _check_classifier(call(answer, inputs, hidden, classes, name="Classifier"), inputs, hidden, classes)
    return _("Packing costs a sort, and saves the steps that would have read padding.")


def _check_classifier(model, inputs, hidden, classes):
    lstms = [module for module in model.modules() if isinstance(module, nn.LSTM)]
    require(len(lstms) == 1, _("Classifier has {count} nn.LSTM layers; one is wanted.", count=len(lstms)))
    lstm = lstms[0]
    require(lstm.bidirectional, _("the LSTM reads in one direction; bidirectional=True is wanted."))
    sizes = (lstm.input_size, lstm.hidden_size, lstm.num_layers)
    expect(sizes, (inputs, hidden, 1), _("(input_size, hidden_size, num_layers) of the LSTM"))
    model.eval()

    def run(x, lengths):
        return call(model, x, lengths, name="Classifier")

    x, lengths = torch.randn(4, 6, inputs), torch.tensor([2, 6, 1, 4])
    with torch.no_grad():
        found = run(x, lengths)
        require(
            isinstance(found, Tensor) and found.shape == (4, classes),
            _(
                "for x (4, 6, {inputs}) the output is {found}; logits of shape (4, {classes}) are wanted.",
                inputs=inputs,
                found=describe(found),
                classes=classes,
            ),
        )
        require(
            same(run(x, lengths), found),
            _(
                "two calls with the same input give different logits: is there dropout, or a state kept in self?"
            ),
        )
        for filling in (9.0, torch.nan):
            other = x.masked_fill((torch.arange(6) >= lengths[:, None])[..., None], filling)
            require(
                same(run(other, lengths), found),
                _(
                    "with {filling} in the padding the logits change; pack the batch, or the backward half starts in "
                    "the padding.",
                    filling=filling,
                ),
            )
        for row, length in enumerate(lengths):
            alone = run(x[row : row + 1, :length], lengths[row : row + 1])
            require(
                alone.shape == (1, classes),
                _(
                    "for a batch of one sequence the logits have shape {found}, but should have {wanted}.",
                    found=tuple(alone.shape),
                    wanted=(1, classes),
                ),
            )
            require(
                same(alone, found[row : row + 1]),
                _(
                    "sequence {row} gets other logits alone than in the batch: check the order of the batch, that no "
                    "padding is read, and that no state of one sequence goes to another (h_n is (2, N, hidden): "
                    "concatenate its halves, a view mixes).",
                    row=row,
                ),
            )
        # all shorter than the padded length
        require(
            same(run(x[2:], lengths[2:]), found[2:]),
            _("a batch whose longest sequence is shorter than x gets other logits."),
        )
        many = torch.arange(260) % 4
        require(
            same(run(x[many], lengths[many]), found[many]),
            _(
                "sequences get other logits in a batch of {count} than in a batch of 4: is a batch size fixed somewhere?",
                count=len(many),
            ),
        )
        for step in (0, -1):
            other = x.clone()
            other[1, step] += 1  # sequence 1 has no padding
            require(
                not same(run(other, lengths)[1], found[1]),
                _("the logits do not notice a change at step {step} of a full sequence.", step=step),
            )
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        require(
            len(linear) == 1, _("Classifier has {count} nn.Linear layers; one is wanted.", count=len(linear))
        )
        expect(linear[0].in_features, 2 * hidden, _("in_features of the linear layer"), _("Two directions."))
    for training in (False, True):
        model.train(training)
        _compare(model, run(x, lengths), lstm, linear[0], x, lengths)


def _compare(model, found, lstm, linear, x, lengths):
    """The logits, and the gradients of all weights, against those of each sequence read alone."""
    summary = []
    for row, length in enumerate(lengths):
        part = x[row : row + 1, :length]
        h_n, _c = lstm(part if lstm.batch_first else part.transpose(0, 1))[1]
        # in any order that a learner may choose: one after the other, or number by number
        orders = (
            torch.cat([h_n[0], h_n[1]], 1),
            torch.cat([h_n[1], h_n[0]], 1),
            h_n.permute(1, 2, 0).flatten(1),
        )
        summary.append(orders)
    right = [linear(torch.cat(states)) for states in zip(*summary, strict=True)]
    for logits in right:
        require(
            not same(found, logits.softmax(1)) and not same(found, logits.log_softmax(1)),
            _("these are probabilities; the logits, as they come from the linear layer, are wanted."),
        )
    close = [logits for logits in right if same(found, logits)]
    require(
        len(close) > 0,
        _(
            "the logits are not those of the last forward and the last backward state, which `h_n` holds; in "
            "`output` the last backward state stands at step 0. Nothing but the linear layer comes after it."
        ),
    )
    parameters = [*lstm.parameters(), *linear.parameters()]
    require(found.requires_grad, _("the logits carry no gradient, so nothing can be trained."))
    weights = torch.arange(1.0, found.numel() + 1).view(found.shape)
    slopes = [
        torch.autograd.grad((logits * weights).sum(), parameters, allow_unused=True)
        for logits in (found, close[0])
    ]
    for slope, wanted in zip(*slopes, strict=True):
        if slope is None or not same(slope, wanted, 1e-3, 1e-4):
            raise NotYet(
                _(
                    "the gradient does not reach the LSTM and the linear layer as it should; is something detached?"
                )
            )
