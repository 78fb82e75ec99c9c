"""Checkers of chapter 13, recurrent layers."""

import inspect
from itertools import product

import torch
from torch import nn

from . import NotYet, call, describe, exercise, expect, require


def near(found, wanted) -> bool:
    """Whether `found` is a tensor with the shape and, nearly, the values of `wanted`."""
    same_shape = isinstance(found, torch.Tensor) and found.shape == wanted.shape
    return same_shape and torch.allclose(found.detach().float(), wanted, rtol=1e-4, atol=1e-5)


@exercise("13.1")
def rnn_step(answer):
    for n, inputs, hidden in [(4, 3, 3), (1, 1, 2), (2, 5, 3)]:
        cell = nn.RNNCell(inputs, hidden)
        w_ih, w_hh, b_ih, b_hh = (p.detach() for p in cell.parameters())
        x, h = torch.randn(n, inputs), torch.randn(n, hidden)
        found = call(answer, x, h, w_ih, w_hh, b_ih, b_hh, name="rnn_step")
        where = f"for x {(n, inputs)} and h {(n, hidden)}, rnn_step"
        inside = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        require(not near(found, inside), f"{where} gives the sum as it is; tanh is missing.")
        require(not near(found, inside.relu()), f"{where} uses ReLU; tanh is wanted.")
        require(
            not near(found, (x @ w_ih.T + b_ih + b_hh).tanh()),
            f"{where} does not use the old state h at all.",
        )
        require(
            not near(found, (inside - b_hh).tanh()),
            f"{where} leaves out b_hh; nn.RNNCell has two biases and adds both.",
        )
        if n == 4 and near(found, (x @ w_ih + b_ih + h @ w_hh + b_hh).tanh()):
            raise NotYet(
                f"{where} multiplies by the weights as they are; they are (out, in), so transpose them."
            )
        expect(found, inside.tanh(), where, "It is tanh(x @ w_ih.T + …), the same for h, and both biases.")
    return "PyTorch keeps two biases where one would do, because cuDNN, the library for NVIDIA GPUs, has two."


@exercise("13.2")
def gru_shapes(answer):
    for layers, both, first in product((1, 3), (False, True), (False, True)):
        n, length, hidden = 4, 7, 5
        x = torch.zeros((n, length, 2) if first else (length, n, 2))
        output, h_n = nn.GRU(2, hidden, layers, bidirectional=both, batch_first=first)(x)
        settings = {"layers": layers, "bidirectional": both, "batch_first": first}
        found = call(answer, n, length, hidden, name="gru_shapes", **settings)
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        where = f"gru_shapes({n}, {length}, {hidden}, {shown})"
        require(
            isinstance(found, list | tuple) and len(found) == 2,
            f"{where} is {describe(found)}; two shapes are wanted, output's and h_n's.",
        )
        found = [tuple(shape) if isinstance(shape, torch.Size | list) else shape for shape in found]
        wanted = tuple(h_n.shape)
        if first and found[1] == (wanted[1], wanted[0], wanted[2]):
            raise NotYet(f"{where}: h_n is {found[1]}, but batch_first does not change h_n, only output.")
        if first and found[0] == (length, n, output.shape[2]):
            raise NotYet(f"{where}: output is {found[0]}, but with batch_first the batch comes first.")
        if not first and found[0] == (n, length, output.shape[2]):
            raise NotYet(f"{where}: output is {found[0]}, but without batch_first the length comes first.")
        why = "With two directions their states stand side by side." if both else ""
        expect(found[0], tuple(output.shape), f"output's shape in {where}", why)
        why = "It holds one state per layer" + (" and direction." if both else ".")
        expect(found[1], wanted, f"h_n's shape in {where}", why)
    return "For an LSTM, c_n has the shape of h_n, unless proj_size makes h smaller than c."


@exercise("13.3")
def lstm_parameters(answer):
    for inputs, hidden, layers, both in [
        (7, 5, 1, False),
        (7, 5, 2, False),
        (7, 5, 1, True),
        (4, 2, 3, True),
    ]:
        layer = nn.LSTM(inputs, hidden, layers, bidirectional=both)
        wanted = sum(p.numel() for p in layer.parameters())
        found = call(answer, inputs, hidden, layers, both, name="lstm_parameters")
        where = f"lstm_parameters({inputs}, {hidden}, {layers}, {both})"
        directions = 2 if both else 1
        one_bias = wanted - 4 * hidden * layers * directions
        require(
            found != one_bias, f"{where} is {one_bias}: each block has two biases per unit, b_ih and b_hh."
        )
        all_alike = layers * directions * 4 * hidden * (inputs + hidden + 2)
        if layers > 1 and found == all_alike != wanted:
            raise NotYet(
                f"{where} is {all_alike}, but should be {wanted}: the second layer reads the states of the first, "
                f"{directions * hidden} numbers, not the {inputs} inputs."
            )
        shapes = ", ".join(f"{name} {tuple(p.shape)}" for name, p in list(layer.named_parameters())[:4])
        expect(found, wanted, where, f"The first layer has {shapes}.")
    return "A GRU has three quarters of this, an RNN one quarter."


@exercise("13.4")
def last_states(answer):
    for n, length, hidden, lengths in [(3, 5, 2, [1, 4, 3]), (3, 4, 2, [4, 2, 3]), (1, 5, 2, [5])]:
        output = torch.arange(1.0, 1 + n * length * hidden).view(n, length, hidden)
        rows = torch.arange(n)
        ends = torch.tensor(lengths)
        wanted = output[rows, ends - 1]
        found = call(answer, output, ends, name="last_states")
        where = f"for output {(n, length, hidden)} and lengths {lengths}, last_states"
        if max(lengths) > 1 and min(lengths) < length and near(found, output[:, -1]):
            raise NotYet(f"{where} gives output[:, -1], which is padding for the shorter sequences.")
        if max(lengths) < length and near(found, output[rows, ends]):
            raise NotYet(
                f"{where} is one step too late: the first step is number 0, so the last is lengths - 1."
            )
        if isinstance(found, torch.Tensor) and found.dim() == 3 and found.shape[:2] == (n, n):
            raise NotYet(
                f"{where} has shape {tuple(found.shape)}: a slice `:` beside the lengths takes every pair of a "
                "sequence and a length; index the sequences by torch.arange as well."
            )
        if isinstance(found, torch.Tensor) and found.dim() == 3 and near(found[:, 0], wanted):
            raise NotYet(
                f"{where} has shape {tuple(found.shape)}: the right states, but axis 1 is still there."
            )
        expect(found, wanted, where, f"The last real steps are number {[e - 1 for e in lengths]}.")
    return "Indexing passes gradients back, and only to the steps that were picked."


@exercise("13.5")
def classifier(answer):
    require(
        inspect.isclass(answer) and issubclass(answer, nn.Module),
        f"the answer should be a class made from nn.Module, but is {describe(answer)}.",
    )
    inputs, hidden, classes = 3, 4, 5
    model = call(answer, inputs, hidden, classes, name="Classifier")
    lstms = [module for module in model.modules() if isinstance(module, nn.LSTM)]
    require(len(lstms) == 1, f"Classifier has {len(lstms)} nn.LSTM layers; one is wanted.")
    lstm = lstms[0]
    require(lstm.bidirectional, "the LSTM reads in one direction; bidirectional=True is wanted.")
    sizes = (lstm.input_size, lstm.hidden_size)
    expect(sizes, (inputs, hidden), "(input_size, hidden_size) of the LSTM")
    model.eval()

    x, lengths = torch.randn(4, 6, inputs), torch.tensor([2, 6, 1, 4])
    with torch.no_grad():
        found = call(model, x, lengths, name="Classifier")
        require(
            isinstance(found, torch.Tensor) and found.shape == (4, classes),
            f"for x (4, 6, {inputs}) the output is {describe(found)}; logits of shape (4, {classes}) are wanted.",
        )
        other = x.clone()
        for row, length in enumerate(lengths):
            other[row, length:] = 9.0
        moved = call(model, other, lengths, name="Classifier")
        require(
            near(moved, found),
            f"with other numbers in the padding the logits move by up to {(moved - found).abs().max():.4f}; "
            "pack the batch, or the backward half starts in the padding.",
        )
        for row, length in enumerate(lengths):
            alone = call(model, x[row : row + 1, :length], lengths[row : row + 1], name="Classifier")
            require(
                near(alone[0], found[row]),
                f"sequence {row} gets other logits alone than in the batch: check the order of the batch, that no "
                "padding is read, and that no state of one sequence goes to another (h_n is (2, N, hidden): "
                "concatenate its halves, a view mixes).",
            )
        for step in (0, -1):
            other = x.clone()
            other[1, step] += 1  # sequence 1 has no padding
            moved = call(model, other, lengths, name="Classifier")
            require(
                not near(moved[1], found[1]),
                f"the logits do not notice a change at step {step} of a full sequence.",
            )
        linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
        require(len(linear) == 1, f"Classifier has {len(linear)} nn.Linear layers; one is wanted.")
        expect(linear[0].in_features, 2 * hidden, "in_features of the linear layer", "Two directions.")
        summary = []
        for row, length in enumerate(lengths):
            part = x[row : row + 1, :length]
            _, (h_n, _) = lstm(part if lstm.batch_first else part.transpose(0, 1))
            forward, backward = h_n[-2], h_n[-1]  # of the top layer
            summary.append((torch.cat([forward, backward], 1), torch.cat([backward, forward], 1)))
        right = [linear[0](torch.cat([pair[order] for pair in summary])) for order in (0, 1)]
        require(
            near(found, right[0]) or near(found, right[1]),
            "the logits are not those of the last forward and the last backward state, which `h_n` holds; "
            "in `output` the last backward state stands at step 0.",
        )
    return "Packing costs a sort, and saves the steps that would have read padding."
