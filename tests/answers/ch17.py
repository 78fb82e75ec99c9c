"""Answers to the exercises of chapter 17."""

import itertools
import re
from collections import defaultdict

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong


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


def rows_of_this_batch(ids, table):
    return F.one_hot(ids).float() @ table[: ids.max() + 1]


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


def encode_by_loop(text, vocabulary, length):
    out = torch.zeros(length, dtype=torch.int64)
    for place, word in enumerate(text.split()):
        if place < length:
            out[place] = vocabulary[word] if word in vocabulary else 1
    return out


def encode_by_defaultdict(text, vocabulary, length):
    known = defaultdict(lambda: 1, vocabulary)
    words = itertools.chain((known[word] for word in text.split()), itertools.repeat(0))
    return torch.LongTensor(list(itertools.islice(words, length)))


def split_at_blanks(text, vocabulary, length):
    ids = [vocabulary.get(word, 1) for word in text.strip().split(" ") if word][:length]
    return torch.tensor(ids + [0] * (length - len(ids)), dtype=torch.int64)


def without_full_stops(text, vocabulary, length):
    return encode(" ".join(word.rstrip(".") for word in text.split()), vocabulary, length)


def lower_case(text, vocabulary, length):
    return encode(text.lower(), vocabulary, length)


def words_alone(text, vocabulary, length):
    return encode(" ".join(re.findall(r"\w+", text)), vocabulary, length)


def learns_new_words(text, vocabulary, length):
    for word in text.split():
        vocabulary.setdefault(word, 1)
    return encode(text, vocabulary, length)


def by_comparison(ids, table):
    return (ids.unsqueeze(-1) == torch.arange(len(table))).float() @ table


def by_eye(ids, table):
    one_hot = torch.eye(len(table))[ids]
    return torch.einsum("...v,vd->...d", one_hot, table)


def by_rows_of_eye(ids, table):
    one_hot = torch.eye(len(table)).index_select(0, ids.flatten())
    return one_hot.reshape(*ids.shape, -1) @ table


def by_matmul(ids, table):
    return torch.matmul(F.one_hot(ids, table.size(0)).to(table), table)


def by_sparse_product(ids, table):
    one_hot = F.one_hot(ids.flatten(), len(table)).to(table).to_sparse()
    return torch.sparse.mm(one_hot, table).reshape(*ids.shape, -1)


def detached_product(ids, table):
    return by_matmul(ids, table.detach())


def by_gather(ids, table):
    return table.index_select(0, ids.flatten()).reshape(*ids.shape, -1)


def by_module(ids, table):
    return nn.Embedding.from_pretrained(table)(ids)


def one_axis_only(ids, table):
    return (ids.reshape(-1, 1) == torch.arange(len(table))).float() @ table


def masked_mean(vectors, ids):
    real = (ids != 0).float()
    weights = real / real.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.einsum("nl,nld->nd", weights, vectors)


def mean_by_loop(vectors, ids):
    rows = []
    for n in range(len(ids)):
        chosen = [vectors[n, place] for place in range(ids.shape[1]) if ids[n, place] != 0]
        rows.append(sum(chosen) / len(chosen) if chosen else torch.zeros(vectors.shape[2]))
    return torch.stack(rows)


def mean_by_fill(vectors, ids):
    count = (ids != 0).sum(dim=1, keepdim=True)
    total = vectors.masked_fill((ids == 0)[..., None], 0).sum(dim=1)
    return total / count.where(count > 0, 1)


def nan_replaced(vectors, ids):
    return nan_for_nothing(vectors, ids).nan_to_num()


def words_at_the_front(vectors, ids):
    rows = []
    for some, row in zip(vectors, ids, strict=True):
        count = int((row != 0).sum())
        rows.append(some[:count].sum(dim=0) / max(count, 1))
    return torch.stack(rows)


def mean_of_different_words(vectors, ids):
    rows = []
    for some, row in zip(vectors, ids, strict=True):
        count = len(set(row.tolist()) - {0})
        rows.append(some[row != 0].sum(dim=0) / max(count, 1))
    return torch.stack(rows)


def mean_detached(vectors, ids):
    return masked_mean(vectors.detach(), ids)


def mean_of_zeroed(vectors, ids):
    vectors[ids == 0] = 0
    return masked_mean(vectors, ids)


def mean_of_nonzero(vectors, ids):
    kept = vectors * (ids != 0)[..., None]
    return kept.sum(dim=1) / (kept != 0).any(dim=-1).sum(dim=1, keepdim=True).clamp(min=1)


def mean_as_sum(vectors, ids):
    return (vectors * (ids != 0)[..., None]).sum(dim=1)


def pack_by_loop(bags):
    ids, offsets = [], []
    for bag in bags:
        offsets.append(len(ids))
        ids.extend(bag)
    return torch.tensor(ids, dtype=torch.int64), torch.tensor(offsets)


def pack_by_accumulate(bags):
    starts = list(itertools.accumulate(map(len, bags), initial=0))[:-1]
    return torch.LongTensor(list(itertools.chain.from_iterable(bags))), torch.LongTensor(starts)


def pack_by_cat(bags):
    lengths = torch.tensor([len(bag) for bag in bags])
    return [torch.cat([torch.tensor(bag, dtype=torch.int64) for bag in bags]), lengths.cumsum(0) - lengths]


def pack_without_zeros(bags):
    return pack_by_loop([[number for number in bag if number] for bag in bags])


def pack_without_dtype(bags):
    return torch.tensor(list(itertools.chain(*bags))), pack_by_loop(bags)[1]


def pack_by_emptying(bags):
    ids, offsets = [], []
    for bag in bags:
        offsets.append(len(ids))
        while bag:
            ids.append(bag.pop(0))
    return torch.tensor(ids, dtype=torch.int64), torch.tensor(offsets)


def step_by_index_add(table, ids, gradients, lr):
    return table.index_add(0, ids, gradients, alpha=-lr)


def step_by_loop(table, ids, gradients, lr):
    new = table.clone()
    for number, slope in zip(ids.tolist(), gradients, strict=True):
        new[number] -= lr * slope
    return new


def step_by_sgd(table, ids, gradients, lr):
    parameter = nn.Parameter(table.clone())
    parameter.grad = torch.sparse_coo_tensor(ids[None], gradients, table.shape, check_invariants=True)
    torch.optim.SGD([parameter], lr=lr).step()
    return parameter.detach()


def step_by_put(table, ids, gradients, lr):
    return table.index_put((ids,), -lr * gradients, accumulate=True)


def step_by_one_hot(table, ids, gradients, lr):
    return table - lr * F.one_hot(ids, len(table)).float().T @ gradients


def step_of_five_rows(table, ids, gradients, lr):
    return table - lr * torch.zeros(5, 2).index_add(0, ids, gradients)


def repeated_averaged(table, ids, gradients, lr):
    return table - lr * averaged(table, ids, gradients)


def averaged(table, ids, gradients):
    total = torch.zeros_like(table).index_add(0, ids, gradients)
    return total / torch.bincount(ids, minlength=len(table)).clamp(min=1)[:, None]


def steps_alone(table, ids, gradients, lr):
    return torch.zeros_like(table).index_add(0, ids, gradients, alpha=-lr)


class ByEmbedding(nn.Module):
    def __init__(self, size, width, classes, least=1):
        super().__init__()
        self.table = nn.Embedding(size, width, padding_idx=0, sparse=True)
        self.out, self.least = nn.Linear(width, classes), least

    def forward(self, ids):
        count = (ids != 0).sum(dim=1, keepdim=True).clamp(min=self.least)
        return self.out(self.table(ids).sum(dim=1) / count)


class ReplacesNaN(ByEmbedding):
    def forward(self, ids):
        count = (ids != 0).sum(dim=1, keepdim=True)
        return torch.where(count > 0, self.out(self.table(ids).sum(dim=1) / count), self.out.bias)


class ByDifferentWords(ByEmbedding):
    def forward(self, ids):
        count = torch.tensor([[max(len(set(row) - {0}), 1)] for row in ids.tolist()])
        return self.out(self.table(ids).sum(dim=1) / count)


class ByBag(nn.Module):
    def __init__(self, size, width, classes, cut=False):
        super().__init__()
        self.bag = nn.EmbeddingBag(size, width, padding_idx=0, sparse=True)
        self.out, self.cut = nn.Linear(width, classes), cut

    def forward(self, ids):
        means = self.bag(ids)
        return self.out(means.detach() if self.cut else means)


class ByOffsets(ByBag):
    def forward(self, ids):
        words = [row[row != 0] for row in ids]
        offsets = torch.tensor([len(row) for row in words]).cumsum(0)
        return self.out(
            self.bag(torch.cat(words), torch.cat([torch.zeros(1, dtype=torch.int64), offsets[:-1]]))
        )


class ProbabilitiesInUse(ByBag):
    def forward(self, ids):
        logits = super().forward(ids)
        return logits if self.training else logits.softmax(dim=1)


def with_a_frozen_head(*sizes):
    model = classifier(*sizes, padding_idx=0, sparse=True)
    for head in (m for m in model.modules() if isinstance(m, nn.Linear)):
        head.requires_grad_(False)
    return model


class UnknownIsPadding(ByEmbedding):
    def forward(self, ids):
        real = (ids > 1).float()
        sums = (real[:, None, :] @ self.table(ids))[:, 0]
        return self.out(sums / real.sum(dim=1, keepdim=True).clamp(min=1))


class EightPlaces(ByBag):
    def forward(self, ids):
        return super().forward(ids[:, :8])


def zero_is_unknown(text, vocabulary, length):
    ids = [vocabulary.get(word) or 1 for word in text.split()] + [0] * length
    return torch.tensor(ids[:length], dtype=torch.int64)


RIGHT = {
    "17.1": [Right(encode), Right(encode_by_loop), Right(encode_by_defaultdict)],
    "17.2": [Right(by_comparison), Right(by_eye), Right(by_rows_of_eye), Right(by_matmul)],
    "17.3": [Right(masked_mean), Right(mean_by_loop), Right(mean_by_fill)],
    "17.4": [Right(pack_by_loop), Right(pack_by_accumulate), Right(pack_by_cat)],
    "17.5": [
        Right(step_by_index_add),
        Right(step_by_loop),
        Right(step_by_sgd),
        Right(step_by_put),
        Right(step_by_one_hot),
    ],
    "17.6": [
        Right(lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True)),
        Right(ByEmbedding),
        Right(ByBag),
        Right(ByOffsets),
    ],
}
WRONG = {
    "17.1": [
        Wrong(unknown_not_foreseen, hint="KeyError"),
        Wrong(split_at_each_space, hint="splits at any white space"),
        Wrong(lambda t, v, n: encode(t, v, n, unknown=0), hint="'cow' is not in the vocabulary"),
        Wrong(lambda t, v, n: encode(t, v, n, front=True), hint="at the end"),
        Wrong(lambda t, v, n: encode(t, v, n, cut=False), hint="has shape (5,), but should have (2,)"),
        Wrong(lambda t, v, n: encode(t, v, n, dtype=torch.float32), hint="float32"),
        Wrong(lambda t, v, n: encode(t, v, n).tolist(), hint="should be a tensor"),
        Wrong(lower_case, hint="'The' is not 'the'"),
        Wrong(words_alone, hint="leaves commas and full stops"),
        Wrong(without_full_stops, hint="leaves commas and full stops"),
        Wrong(split_at_blanks, hint="splits at any white space"),
        Wrong(learns_new_words, hint="changed its argument 2"),
        Wrong(zero_is_unknown, hint="replaced by its id"),
    ],
    "17.2": [
        Wrong(columns_of_this_batch, hint="raised"),
        Wrong(rows_of_this_batch, hint="every row takes part", forbidden="without indexing the table"),
        Wrong(
            lambda ids, table: table[ids] * (table.sum() * 0 + 1),
            hint="picked out",
            forbidden="without an embedding",
        ),
        Wrong(
            lambda ids, table: table[ids] + table.sum(dim=0) * 0,
            hint="picked out",
            forbidden="without an embedding",
        ),
        Wrong(rows_and_columns_swapped, hint="raised"),
        Wrong(one_hot_as_integers, hint="raised"),
        Wrong(
            lambda ids, table: F.embedding(ids, table), hint="switched off", forbidden="without an embedding"
        ),
        Wrong(
            lambda ids, table: table[ids],
            hint="picked out of the table",
            forbidden="without indexing the table",
        ),
        Wrong(by_module, hint="switched off"),
        Wrong(by_gather, hint="picked out"),
        Wrong(by_sparse_product, hint="a product with dense one-hot vectors"),
        Wrong(one_axis_only, hint="has shape"),
        Wrong(detached_product, hint="carries no gradient"),
    ],
    "17.3": [
        Wrong(mean_of_all, hint="mean over all places"),
        Wrong(divided_by_length, hint="divided by the number of all places"),
        Wrong(nan_for_nothing, hint="0 / 0"),
        Wrong(mask_forgotten_in_sum, hint="need not be zero"),
        Wrong(over_the_batch, hint="has shape"),
        Wrong(nan_replaced, hint="Never divide by 0"),
        Wrong(words_at_the_front, hint="whose id is not 0"),
        Wrong(mean_of_different_words, hint="whose id is not 0"),
        Wrong(mean_detached, hint="carries no gradient"),
        Wrong(mean_of_zeroed, hint="changed its argument 1"),
        Wrong(mean_as_sum, hint="This is the sum"),
        Wrong(mean_of_nonzero, hint="whose id is not 0"),
    ],
    "17.4": [
        Wrong(lambda bags: packed(bags, "lengths"), hint="lengths"),
        Wrong(lambda bags: packed(bags, "ends"), hint="where each bag ends"),
        Wrong(lambda bags: packed(bags, "one more"), hint="one number more"),
        Wrong(lambda bags: packed(bags, "float"), hint="float32"),
        Wrong(without_empty_bags, hint="also if it is empty"),
        Wrong(pack_without_dtype, hint="name the dtype"),
        Wrong(pack_without_zeros, hint="0 as well"),
        Wrong(pack_by_emptying, hint="changed its argument 1"),
        Wrong(lambda bags: pack_by_loop(bags)[0], hint="ids and offsets are wanted"),
    ],
    "17.5": [
        Wrong(repeated_rows_lost, hint="it does not add up"),
        Wrong(upwards, hint="The sign is wrong"),
        Wrong(in_place, hint="changed its argument 1"),
        Wrong(without_lr, hint="lr is missing"),
        Wrong(repeated_averaged, hint="add them up"),
        Wrong(steps_alone, hint="add them to the table"),
        Wrong(step_of_five_rows, hint="raised"),
    ],
    "17.6": [
        Wrong(lambda *sizes: classifier(*sizes, sparse=True), hint="row 0 of the embedding is not zero"),
        Wrong(lambda *sizes: classifier(*sizes, padding_idx=0), hint="not sparse"),
        Wrong(
            lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True, mode="sum"), hint="take the mean"
        ),
        Wrong(
            lambda *sizes: Padded(*sizes, padding_idx=0, sparse=True), hint="The padding counts in the mean"
        ),
        Wrong(lambda s, w, c: classifier(s, c, w, padding_idx=0, sparse=True), hint="the logits' shape"),
        Wrong(
            lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True).append(nn.Softmax(dim=1)),
            hint="without a softmax",
        ),
        Wrong(lambda *sizes: ByEmbedding(*sizes, least=0), hint="0 / 0 is NaN"),
        Wrong(
            lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True, max_norm=1.0),
            hint="changes the table",
        ),
        Wrong(
            lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True, max_norm=10.0),
            hint="changes the table",
        ),
        Wrong(ReplacesNaN, hint="Never divide by 0"),
        Wrong(UnknownIsPadding, hint="the mean of the real words' rows"),
        Wrong(EightPlaces, hint="the mean of the real words' rows"),
        Wrong(ProbabilitiesInUse, hint="in eval mode, too"),
        Wrong(ByDifferentWords, hint="the mean of the real words' rows"),
        Wrong(with_a_frozen_head, hint="frozen"),
        Wrong(lambda *sizes: classifier(*sizes, padding_idx=0, sparse=True).eval(), hint="eval mode"),
        Wrong(lambda *sizes: ByBag(*sizes, cut=True), hint="not sparse"),
        Wrong(lambda *sizes: classifier(9, 4, 3, padding_idx=0, sparse=True), hint="the logits' shape"),
    ],
}
# The words of these exercises that look like a prohibition and are none.
NO_RULE = {"17.5": ["more than once"]}
