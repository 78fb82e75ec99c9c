"""Wrong answers to the exercises of chapter 17."""

import torch
from torch import nn
from torch.nn import functional as F

from wrong_answers import Wrong


def encode(text, vocabulary, length, unknown=1, front=False, dtype=torch.int64, cut=True):
    ids = [vocabulary.get(word, unknown) for word in text.split()]
    ids = ids[:length] if cut else ids
    padding = [0] * (length - len(ids))
    return torch.tensor(padding + ids if front else ids + padding, dtype=dtype)


def unknown_not_foreseen(text, vocabulary, length):
    ids = [vocabulary[word] for word in text.split()]
    return torch.tensor((ids + [0] * length)[:length])


def columns_of_this_batch(ids, table):
    return F.one_hot(ids).float() @ table


def rows_and_columns_swapped(ids, table):
    return F.one_hot(ids, table.shape[1]).float() @ table.T


def one_hot_as_integers(ids, table):
    return F.one_hot(ids, len(table)) @ table


def mean_of_all(vectors, ids):
    return vectors.mean(dim=1)


def divided_by_length(vectors, ids):
    return (vectors * (ids != 0)[..., None]).sum(dim=1) / ids.shape[1]


def nan_for_nothing(vectors, ids):
    real = (ids != 0)[..., None]
    return (vectors * real).sum(dim=1) / real.sum(dim=1)


def mask_forgotten_in_sum(vectors, ids):
    return vectors.sum(dim=1) / (ids != 0).sum(dim=1, keepdim=True).clamp(min=1)


def over_the_batch(vectors, ids):
    return vectors.mean(dim=0)


def packed(bags, what):
    ids = torch.tensor([number for bag in bags for number in bag], dtype=torch.int64)
    lengths = torch.tensor([len(bag) for bag in bags])
    ends = lengths.cumsum(0)
    return ids, {
        "lengths": lengths,
        "ends": ends,
        "one more": torch.cat([torch.zeros(1, dtype=torch.int64), ends]),
        "float": torch.cat([torch.zeros(1), ends[:-1]]),
    }[what]


def without_empty_bags(bags):
    bags = [bag for bag in bags if bag]
    ids, ends = packed(bags, "ends")
    return ids, torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])


def repeated_rows_lost(table, ids, gradients, lr):
    table = table.clone()
    table[ids] -= lr * gradients
    return table


def upwards(table, ids, gradients, lr):
    return table.index_add(0, ids, gradients, alpha=lr)


def in_place(table, ids, gradients, lr):
    return table.index_add_(0, ids, gradients, alpha=-lr)


def without_lr(table, ids, gradients, lr):
    return table.index_add(0, ids, -gradients)


def split_at_each_space(text, vocabulary, length):
    ids = [vocabulary.get(word, 1) for word in text.split(" ")][:length]
    return torch.tensor(ids + [0] * (length - len(ids)))


class Padded(nn.Module):
    """An embedding and a mean over all places."""

    def __init__(self, size, width, classes, **options):
        super().__init__()
        self.embedding = nn.Embedding(size, width, **options)
        self.head = nn.Linear(width, classes)

    def forward(self, ids):
        return self.head(self.embedding(ids).mean(dim=1))


def classifier(size, width, classes, **options):
    return nn.Sequential(nn.EmbeddingBag(size, width, **options), nn.Linear(width, classes))


WRONG = {
    "17.1": [
        Wrong(unknown_not_foreseen, hint="KeyError"),
        Wrong(split_at_each_space, hint="A text without words"),
        Wrong(lambda t, v, n: encode(t, v, n, unknown=0), hint="'cow' is not in the vocabulary"),
        Wrong(lambda t, v, n: encode(t, v, n, front=True), hint="at the end"),
        Wrong(lambda t, v, n: encode(t, v, n, cut=False), hint="has shape (5,), but should have (2,)"),
        Wrong(lambda t, v, n: encode(t, v, n, dtype=torch.float32), hint="float32"),
        Wrong(lambda t, v, n: encode(t, v, n).tolist(), hint="should be a tensor"),
    ],
    "17.2": [
        Wrong(columns_of_this_batch, hint="raised"),
        Wrong(rows_and_columns_swapped, hint="raised"),
        Wrong(one_hot_as_integers, hint="raised"),
        Wrong(lambda ids, table: F.embedding(ids, table), hint="one-hot"),
        Wrong(lambda ids, table: table[ids], hint="picked out of the table"),
    ],
    "17.3": [
        Wrong(mean_of_all, hint="mean over all places"),
        Wrong(divided_by_length, hint="1 real word"),
        Wrong(nan_for_nothing, hint="0 / 0"),
        Wrong(mask_forgotten_in_sum, hint="need not be zero"),
        Wrong(over_the_batch, hint="shape (4, 2)"),
    ],
    "17.4": [
        Wrong(lambda bags: packed(bags, "lengths"), hint="lengths"),
        Wrong(lambda bags: packed(bags, "ends"), hint="where each bag ends"),
        Wrong(lambda bags: packed(bags, "one more"), hint="one number more"),
        Wrong(lambda bags: packed(bags, "float"), hint="float32"),
        Wrong(without_empty_bags, hint="also if it is empty"),
    ],
    "17.5": [
        Wrong(repeated_rows_lost, hint="does not add up"),
        Wrong(upwards, hint="-lr"),
        Wrong(in_place, hint="work on a copy"),
        Wrong(without_lr, hint="-lr"),
    ],
    "17.6": [
        Wrong(lambda *sizes: classifier(*sizes, sparse=True), hint="row 0 of the embedding is not zero"),
        Wrong(lambda *sizes: classifier(*sizes, padding_idx=0), hint="not sparse"),
        Wrong(lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True, mode="sum"), hint="of the mean"),
        Wrong(lambda *sizes: Padded(*sizes, padding_idx=0, sparse=True), hint="five more places"),
        Wrong(lambda s, w, c: classifier(s, c, w, padding_idx=0, sparse=True), hint="shape of the logits"),
        Wrong(
            lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True).append(nn.Softmax(dim=1)),
            hint="without a softmax",
        ),
    ],
}
