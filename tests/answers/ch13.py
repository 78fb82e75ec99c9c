"""Answers to the exercises of chapter 13."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from answers import Right, Wrong


def shapes(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    d = 2 if bidirectional else 1
    return ((n, length, d * hidden) if batch_first else (length, n, d * hidden)), (d * layers, n, hidden)


def states_batch_first(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    output, h_n = shapes(n, length, hidden, layers, bidirectional, batch_first)
    return output, (h_n[1], h_n[0], h_n[2]) if batch_first else h_n


def always_batch_first(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    return shapes(n, length, hidden, layers, bidirectional, True)


def never_batch_first(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    return shapes(n, length, hidden, layers, bidirectional, False)


def directions_forgotten(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    return shapes(n, length, hidden, layers, False, batch_first)


def top_layer_only(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    return shapes(n, length, hidden, 1, bidirectional, batch_first)


class Classifier(nn.Module):
    bidirectional, features, packing, summary = True, 2, True, "h_n"

    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=self.bidirectional)
        self.linear = nn.Linear(self.features * hidden, classes)

    def forward(self, x, lengths):
        if self.packing:
            packed, (h_n, _) = self.lstm(
                pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            )
            output, _ = pad_packed_sequence(packed, batch_first=True)
        else:
            output, (h_n, _) = self.lstm(x)
        if self.summary == "last row":
            return self.linear(output[:, -1])
        if self.summary == "last real row":
            return self.linear(output[torch.arange(len(x)), lengths - 1])
        if self.summary == "one half":
            return self.linear(h_n[-1])
        return self.linear(torch.cat([h_n[0], h_n[1]], dim=1))


class NotPacked(Classifier):
    packing = False


class OneDirection(Classifier):
    bidirectional, features, summary = False, 1, "one half"


class BackwardHalfOnly(Classifier):
    features, summary = 1, "one half"


class LastRealRow(Classifier):
    summary = "last real row"


class LastRow(Classifier):
    summary = "last row"


class Sorted(Classifier):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True)
        return self.linear(torch.cat(list(self.lstm(packed)[1][0]), dim=1))


class SortedNotBack(Classifier):
    def forward(self, x, lengths):
        lengths, order = lengths.sort(descending=True)
        return super().forward(x[order], lengths)


class Viewed(Classifier):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(self.lstm(packed)[1][0].view(len(x), -1))


class CellInstead(Classifier):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(torch.cat(list(self.lstm(packed)[1][1]), dim=1))


class Summed(Classifier):
    features = 1

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(self.lstm(packed)[1][0].sum(dim=0))


class Probabilities(Classifier):
    def forward(self, x, lengths):
        return super().forward(x, lengths).softmax(dim=1)


class Detached(Classifier):
    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(torch.cat(list(self.lstm(packed)[1][0].detach()), dim=1))


class Squashed(Classifier):
    def forward(self, x, lengths):
        return super().forward(x, lengths).relu()


class LastAndFirst(Classifier):
    """Reads the two states from the padded output."""

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        forward, backward = output.chunk(2, dim=-1)
        last = forward[torch.arange(len(x)), lengths - 1]
        return self.linear(torch.cat([last, backward[:, 0]], dim=-1))


class FourStates(Classifier):
    """Its start state is for four sequences."""

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        start = torch.zeros(2, 4, self.lstm.hidden_size)
        h_n = self.lstm(packed, (start, start))[1][0]
        return self.linear(torch.cat([h_n[0], h_n[1]], dim=1))


class Interleaved(Classifier):
    """The two states number by number, in place of one after the other."""

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(self.lstm(packed)[1][0].permute(1, 2, 0).flatten(1))


class Dropped(Classifier):
    """F.dropout drops in eval mode, too."""

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.linear(F.dropout(torch.cat(list(self.lstm(packed)[1][0]), dim=1)))


class StateKept(Classifier):
    state = None

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        self.state = self.lstm(packed, self.state)[1]
        return self.linear(torch.cat(list(self.state[0]), dim=1))


class Squeezed(Classifier):
    def forward(self, x, lengths):
        return super().forward(x, lengths).squeeze()


class FirstHundred(Classifier):
    def forward(self, x, lengths):
        found = super().forward(x, lengths)
        return torch.cat([found[:100], torch.zeros_like(found[100:])])


class OneByOne(nn.Module):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.net = nn.ModuleDict(
            {"read": nn.LSTM(inputs, hidden, bidirectional=True), "answer": nn.Linear(2 * hidden, classes)}
        )

    def forward(self, x, lengths):
        states = [self.net["read"](row[:n])[1][0] for row, n in zip(x, lengths.tolist(), strict=True)]
        return self.net["answer"](torch.stack(states).flatten(1))


class SortedAndBack(Classifier):
    def forward(self, x, lengths):
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(x[order], lengths, batch_first=True)
        h_n = self.lstm(packed)[1][0]
        return self.linear(h_n.transpose(0, 1).flatten(1))[order.argsort()]


def step_by_linear(x, h, w_ih, w_hh, b_ih, b_hh):
    return F.tanh(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))


def step_by_rows(x, h, w_ih, w_hh, b_ih, b_hh):
    rows = [w_ih @ x_n + b_ih + w_hh @ h_n + b_hh for x_n, h_n in zip(x, h, strict=True)]
    return torch.stack(rows).tanh()


def step_at_once(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(torch.cat([x, h], 1) @ torch.cat([w_ih, w_hh], 1).T + (b_ih + b_hh))


def shapes_as_size(*args, **kwargs):
    return [torch.Size(shape) for shape in shapes(*args, **kwargs)]


def shapes_by_swap(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    front = (n, length) if batch_first else (length, n)
    d = bidirectional + 1
    return (*front, d * hidden), (layers * d, n, hidden)


def shapes_by_module(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    layer = nn.GRU(1, hidden, layers, bidirectional=bidirectional, batch_first=batch_first)
    return tuple(part.shape for part in layer(torch.zeros((n, length, 1) if batch_first else (length, n, 1))))


def count_by_module(inputs, hidden, layers=1, bidirectional=False):
    layer = nn.LSTM(inputs, hidden, layers, bidirectional=bidirectional)
    return sum(p.numel() for p in layer.parameters())


def count_by_cell(inputs, hidden, layers=1, bidirectional=False):
    d = 1 + bidirectional
    cells = [nn.LSTMCell(inputs if layer == 0 else d * hidden, hidden) for layer in range(layers)]
    return d * sum(p.numel() for cell in cells for p in cell.parameters())


def count_by_layer(inputs, hidden, layers=1, bidirectional=False):
    d, total = 1 + bidirectional, 0
    for _ in range(layers):
        total += d * 4 * hidden * (inputs + hidden + 2)
        inputs = d * hidden
    return total


def count_at_once(inputs, hidden, layers=1, bidirectional=False):
    d = 2 if bidirectional else 1
    return 4 * d * hidden * (inputs + hidden + 2 + (layers - 1) * (d * hidden + hidden + 2))


def count_recursive(inputs, hidden, layers=1, bidirectional=False):
    if layers == 0:
        return 0
    d = 2 if bidirectional else 1
    return d * 4 * hidden * (inputs + hidden + 2) + count_recursive(
        d * hidden, hidden, layers - 1, bidirectional
    )


def last_by_gather(output, lengths):
    return output.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, output.shape[2])).squeeze(1)


def last_by_flat(output, lengths):
    rows = torch.arange(len(output)) * output.shape[1] + lengths - 1
    return output.flatten(0, 1)[rows]


def last_by_mask(output, lengths):
    return output[torch.arange(output.shape[1]) == lengths[:, None] - 1]


def last_by_loop(output, lengths):
    return torch.stack([row[n - 1] for row, n in zip(output, lengths, strict=True)])


def last_by_helper(output, lengths):
    return torch.stack(picked(output, lengths))


def picked(output, lengths):
    return [] if not len(output) else [output[0, lengths[0] - 1], *picked(output[1:], lengths[1:])]


def last_by_vmap(output, lengths):
    return torch.vmap(lambda rows, n: rows.index_select(0, n.view(1) - 1)[0])(output, lengths)


def shapes_of_few_layers(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    return shapes(n, length, hidden, min(layers, 3), bidirectional, batch_first)


def last_by_product(output, lengths):
    hot = (torch.arange(output.shape[1]) == lengths[:, None] - 1).to(output.dtype)
    return torch.einsum("nl,nlh->nh", hot, output)


def last_largest(output, lengths):
    real = (torch.arange(output.shape[1]) < lengths[:, None])[..., None]
    return output.masked_fill(~real, -torch.inf).amax(1)


def shapes_by_operator(n, length, hidden, layers=1, bidirectional=False, batch_first=False):
    directions, weights = 2 if bidirectional else 1, []
    for layer in range(layers):
        for _direction in range(directions):
            size = directions * hidden if layer else 2
            weights += [torch.zeros(3 * hidden, size), torch.zeros(3 * hidden, hidden)]
            weights += 2 * [torch.zeros(3 * hidden)]
    x = torch.zeros((n, length, 2) if batch_first else (length, n, 2))
    start = torch.zeros(layers * directions, n, hidden)
    output, h_n = torch.ops.aten.gru(x, start, weights, True, layers, 0.0, False, bidirectional, batch_first)
    return tuple(output.shape), tuple(h_n.shape)


RIGHT = {
    "13.1": [Right(step_by_linear), Right(step_by_rows), Right(step_at_once)],
    "13.2": [Right(shapes), Right(shapes_as_size), Right(shapes_by_swap)],
    "13.3": [Right(count_by_layer), Right(count_at_once), Right(count_recursive)],
    "13.4": [Right(last_by_gather), Right(last_by_flat), Right(last_by_mask), Right(last_by_vmap)],
    "13.5": [
        Right(Classifier),
        Right(LastAndFirst),
        Right(OneByOne),
        Right(SortedAndBack),
        Right(Interleaved),
    ],
}
WRONG = {
    "13.1": [
        Wrong(lambda x, h, w, u, b, c: (x @ w + b + h @ u + c).tanh(), hint="transpose them"),
        Wrong(lambda x, h, w, u, b, c: x @ w.T + b + h @ u.T + c, hint="tanh is missing"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + c).tanh(), hint="old state h"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + h @ u.T).tanh(), hint="two biases"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + h @ u.T + c).relu(), hint="uses ReLU"),
        Wrong(lambda *args: step_at_once(*args).detach(), hint="carries no gradient"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + h @ u.T).tanh(), hint="both biases"),
    ],
    "13.2": [
        Wrong(shapes_by_operator, hint="switched off", forbidden="without making one"),
        Wrong(states_batch_first, hint="batch_first does not change h_n"),
        Wrong(always_batch_first, hint="the length comes first"),
        Wrong(never_batch_first, hint="the batch comes first"),
        Wrong(directions_forgotten, hint="side by side"),
        Wrong(top_layer_only, hint="one state per layer"),
        Wrong(shapes_of_few_layers, hint="layers=7"),
        Wrong(shapes_by_module, hint="switched off", forbidden="without making one"),
    ],
    "13.3": [
        Wrong(lambda i, h, layers=1, both=False: 4 * h * (i + h + 1) * layers, hint="two biases"),
        Wrong(
            lambda i, h, layers=1, both=False: (1 + both) * layers * 4 * h * (i + h + 2),
            hint="reads the states of the first",
        ),
        Wrong(lambda i, h, layers=1, both=False: 3 * h * (i + h + 2), hint="a GRU three"),
        Wrong(count_by_module, hint="switched off", forbidden="without making one"),
        Wrong(count_by_cell, hint="switched off", forbidden="or an `nn.LSTMCell`"),
        Wrong(
            lambda i, h, layers=1, both=False: 4 * h * (i + h + 2) + (layers - 1) * 4 * h * (2 * h + 2),
            hint="should be 560",
        ),
        Wrong(
            lambda i, h, layers=1, both=False: count_by_layer(i, h, min(layers, 4), both),
            hint="(3, 2, 9, True)",
        ),
    ],
    "13.4": [
        Wrong(lambda output, lengths: output[:, -1], hint="which is padding"),
        Wrong(lambda output, lengths: output[torch.arange(len(output)), lengths], hint="one step too late"),
        Wrong(
            lambda output, lengths: output[torch.arange(len(output)), lengths.clamp(max=output.shape[1] - 1)],
            hint="one step too late",
        ),
        Wrong(lambda output, lengths: output[:, lengths - 1], hint="every pair"),
        Wrong(
            lambda output, lengths: output.gather(
                1, (lengths - 1)[:, None, None].expand(-1, 1, output.shape[2])
            ),
            hint="axis 1 is still there",
        ),
        Wrong(lambda output, lengths: output[lengths - 1, torch.arange(len(output))], hint="raised"),
        Wrong(lambda output, lengths: output.amax(1), hint="the largest number"),
        Wrong(last_largest, hint="should be"),
        Wrong(last_by_loop, hint="without a loop", forbidden="without a loop"),
        Wrong(
            lambda output, lengths: torch.stack(list(map(lambda rows, n: rows[n - 1], output, lengths))),
            hint="without a loop",
            forbidden="without a loop",
        ),
        Wrong(last_by_product, hint="NaN too"),
        Wrong(last_by_helper, hint="that is a loop", forbidden="without a loop"),
        Wrong(lambda output, lengths: last_by_flat(output, lengths).detach(), hint="carries no gradient"),
    ],
    "13.5": [
        Wrong(NotPacked, hint="in the padding", forbidden="must not change the logits"),
        Wrong(OneDirection, hint="bidirectional=True"),
        Wrong(BackwardHalfOnly, hint="should be 8"),
        Wrong(LastRealRow, hint="step 0"),
        Wrong(LastRow, hint="no padding is read"),
        Wrong(Sorted, hint="raised"),
        Wrong(SortedNotBack, hint="order of the batch"),
        Wrong(Viewed, hint="a view mixes"),
        Wrong(CellInstead, hint="which `h_n` holds"),
        Wrong(Summed, hint="should be 8"),
        Wrong(Probabilities, hint="these are probabilities"),
        Wrong(Detached, hint="is something detached"),
        Wrong(FourStates, hint="raised"),
        Wrong(Dropped, hint="is there dropout"),
        Wrong(StateKept, hint="a state kept in self"),
        Wrong(Squeezed, hint="a batch of one sequence"),
        Wrong(FirstHundred, hint="a batch of 260"),
        Wrong(Squashed, hint="Nothing but the linear layer"),
    ],
}
