"""Wrong answers to the exercises of chapter 13."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from wrong_answers import Wrong


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


WRONG = {
    "13.1": [
        Wrong(lambda x, h, w, u, b, c: (x @ w + b + h @ u + c).tanh(), hint="transpose them"),
        Wrong(lambda x, h, w, u, b, c: x @ w.T + b + h @ u.T + c, hint="tanh is missing"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + c).tanh(), hint="old state h"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + h @ u.T).tanh(), hint="two biases"),
        Wrong(lambda x, h, w, u, b, c: (x @ w.T + b + h @ u.T + c).relu(), hint="uses ReLU"),
    ],
    "13.2": [
        Wrong(states_batch_first, hint="batch_first does not change h_n"),
        Wrong(always_batch_first, hint="the length comes first"),
        Wrong(never_batch_first, hint="the batch comes first"),
        Wrong(directions_forgotten, hint="side by side"),
        Wrong(top_layer_only, hint="one state per layer"),
    ],
    "13.3": [
        Wrong(lambda i, h, layers=1, both=False: 4 * h * (i + h + 1) * layers, hint="two biases"),
        Wrong(
            lambda i, h, layers=1, both=False: (1 + both) * layers * 4 * h * (i + h + 2),
            hint="reads the states of the first",
        ),
        Wrong(lambda i, h, layers=1, both=False: 3 * h * (i + h + 2), hint="weight_ih_l0 (20, 7)"),
        Wrong(
            lambda i, h, layers=1, both=False: 4 * h * (i + h + 2) + (layers - 1) * 4 * h * (2 * h + 2),
            hint="should be 560",
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
    ],
    "13.5": [
        Wrong(NotPacked, hint="in the padding"),
        Wrong(OneDirection, hint="bidirectional=True"),
        Wrong(BackwardHalfOnly, hint="should be 8"),
        Wrong(LastRealRow, hint="step 0"),
        Wrong(LastRow, hint="no padding is read"),
        Wrong(Sorted, hint="raised"),
        Wrong(SortedNotBack, hint="order of the batch"),
        Wrong(Viewed, hint="a view mixes"),
        Wrong(CellInstead, hint="which `h_n` holds"),
        Wrong(Summed, hint="should be 8"),
        Wrong(Probabilities, hint="not those of the last forward"),
    ],
}
