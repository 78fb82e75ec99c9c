"""Answers to the exercises of chapter 7."""

import itertools

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import BatchSampler, Sampler, default_collate

from answers import Right, Wrong


def batches_with_too_many(count, batch_size, drop_last=False):
    end = count - count % batch_size if drop_last else count
    return [list(range(i, i + batch_size)) for i in range(0, end, batch_size)]


def batches_never_dropped(count, batch_size, drop_last=False):
    return [list(range(i, min(i + batch_size, count))) for i in range(0, count, batch_size)]


def batches_always_dropped(count, batch_size, drop_last=False):
    return [list(range(i, i + batch_size)) for i in range(0, count - batch_size + 1, batch_size)]


def batches_without_the_last_item(count, batch_size, drop_last=False):
    return [list(range(i, min(i + batch_size, count - 1))) for i in range(0, count, batch_size)]


def padded(items, fill, at_start=False, lengths=True, filled=True):
    longest = max(len(values) for values, _ in items)
    rows = []
    for values, _ in items:
        rest = torch.full((longest - len(values),), fill if filled else 0.0)
        rows.append(torch.cat([rest, values] if at_start else [values, rest]))
    sizes = torch.tensor([len(values) for values, _ in items])
    labels = torch.tensor([label for _, label in items])
    return (torch.stack(rows), sizes, labels) if lengths else (torch.stack(rows), labels)


def transposed(items, fill):
    batch, lengths, labels = padded(items, fill)
    return batch.T, lengths, labels


class TakeTurns:
    def __init__(self, labels):
        self.members = [[i for i, label in enumerate(labels) if label == k] for k in range(max(labels) + 1)]
        self.turns = max(len(members) for members in self.members)

    def __len__(self):
        return self.turns * len(self.members)

    def __iter__(self):
        for turn in range(self.turns):
            for members in self.members:
                yield members[turn % len(members)]


class UntilTheShortest(TakeTurns):
    def __init__(self, labels):
        super().__init__(labels)
        self.turns = min(len(members) for members in self.members)


class OnlyOnce(TakeTurns):
    def __init__(self, labels):
        super().__init__(labels)
        self.order = iter(list(super().__iter__()))

    def __iter__(self):
        return self.order


class LengthOfTheData(TakeTurns):
    def __init__(self, labels):
        super().__init__(labels)
        self.count = len(labels)

    def __len__(self):
        return self.count


class AsTheyAppear(TakeTurns):
    def __init__(self, labels):
        super().__init__(labels)
        self.members = [self.members[label] for label in dict.fromkeys(labels)]


class LastAgain(TakeTurns):
    def __iter__(self):
        for turn in range(self.turns):
            for members in self.members:
                yield members[min(turn, len(members) - 1)]


class ClassAfterClass(TakeTurns):
    def __iter__(self):
        for members in self.members:
            for turn in range(self.turns):
                yield members[turn % len(members)]


class Loader:
    def __init__(
        self, data, batch_size=1, shuffle=False, drop_last=False, collate_fn=default_collate, generator=None
    ):
        self.data, self.batch_size, self.shuffle = data, batch_size, shuffle
        self.drop_last, self.collate_fn, self.generator = drop_last, collate_fn, generator

    def __len__(self):
        full, rest = divmod(len(self.data), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def order(self):
        count = len(self.data)
        return (
            torch.randperm(count, generator=self.generator).tolist() if self.shuffle else list(range(count))
        )

    def made(self, items):
        return self.collate_fn(items)

    def __iter__(self):
        order = self.order()
        for i in range(len(self)):
            picked = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.made([self.data[idx] for idx in picked])


class CountsItems(Loader):
    def __len__(self):
        return len(self.data)


class IgnoresDropLast(Loader):
    def __len__(self):
        return -(-len(self.data) // self.batch_size)


class OrderAtTheStart(Loader):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.drawn = super().order()

    def order(self):
        return self.drawn


class WithoutGenerator(Loader):
    def order(self):
        return torch.randperm(len(self.data)).tolist() if self.shuffle else list(range(len(self.data)))


class NeverShuffled(Loader):
    def order(self):
        return list(range(len(self.data)))


class WithReplacement(Loader):
    def order(self):
        count = len(self.data)
        drawn = torch.randint(count, (count,), generator=self.generator)
        return drawn.tolist() if self.shuffle else list(range(count))


class WithinBatches(Loader):
    """Every batch is shuffled by itself: its items are always the same."""

    def order(self):
        parts = torch.arange(len(self.data)).split(self.batch_size)
        if self.shuffle:
            parts = [part[torch.randperm(len(part), generator=self.generator)] for part in parts]
        return torch.cat(list(parts)).tolist()


class AlwaysShuffled(Loader):
    def order(self):
        return torch.randperm(len(self.data), generator=self.generator).tolist()


class KeepsTheRest(Loader):
    """`len` counts without the rest, the loop gives it all the same."""

    def __iter__(self):
        order = self.order()
        for i in range(0, len(order), self.batch_size):
            yield self.made([self.data[idx] for idx in order[i : i + self.batch_size]])


class ListOfBatches(Loader):
    def __iter__(self):
        return list(super().__iter__())


class DefaultAlways(Loader):
    def made(self, items):
        return default_collate(items)


class Exhausted(Loader):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.batches = super().__iter__()

    def __iter__(self):
        return self.batches


class TextbookIterator(TakeTurns):
    """It is its own iterator, so a second one resets the first."""

    def __init__(self, labels):
        super().__init__(labels)
        self.given = list(super().__iter__())

    def __iter__(self):
        self.place = 0
        return self

    def __next__(self):
        if self.place == len(self.given):
            raise StopIteration
        self.place += 1
        return self.given[self.place - 1]


class StopsMidRound(TakeTurns):
    """Ends as soon as the last item of the largest class has been given."""

    def __iter__(self):
        given = list(super().__iter__())
        last = max(given.index(i) for i in range(sum(len(members) for members in self.members)))
        return iter(given[: last + 1])


class Endless(TakeTurns):
    def __iter__(self):
        while True:
            yield from super().__iter__()


class ReturnsAList(TakeTurns):
    def __iter__(self):
        return list(super().__iter__())


class FromAList(TakeTurns):
    def __iter__(self):
        return iter([members[turn % len(members)] for turn in range(self.turns) for members in self.members])


class Places:
    """An iterator of its own, each with its place."""

    def __init__(self, given):
        self.given, self.place = given, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.place == len(self.given):
            raise StopIteration
        self.place += 1
        return self.given[self.place - 1]


class WithAnIterator(TakeTurns):
    def __iter__(self):
        return Places(list(super().__iter__()))


class AsASampler(Sampler):
    def __init__(self, labels):
        labels = torch.tensor(labels)
        members = [(labels == k).nonzero().flatten() for k in range(int(labels.max()) + 1)]
        turn = torch.arange(max(map(len, members)))
        self.indices = torch.stack([some[turn % len(some)] for some in members], dim=1).flatten()

    def __len__(self):
        return len(self.indices)

    def __iter__(self):
        return iter(self.indices)


class OwnIterator(Loader):
    def __iter__(self):
        self.batches = super().__iter__()
        return self

    def __next__(self):
        return next(self.batches)


class ReadsAtOnce(Loader):
    def __init__(self, data, *args, **kwargs):
        super().__init__([data[i] for i in range(len(data))], *args, **kwargs)


class ReadsAnEpoch(Loader):
    def __iter__(self):
        return iter(list(super().__iter__()))


class ReadsTheFirst(Loader):
    """The first batch is read at the start, before it is wanted."""

    def __iter__(self):
        batches = super().__iter__()
        return itertools.chain(list(itertools.islice(batches, 1)), batches)


class DropsBeforeShuffling(Loader):
    def order(self):
        count = len(self) * self.batch_size if self.drop_last else len(self.data)
        return (
            torch.randperm(count, generator=self.generator).tolist() if self.shuffle else list(range(count))
        )


class WithPlaces(Loader):
    def __iter__(self):
        left = iter(self.order())
        while len(picked := [i for _, i in zip(range(self.batch_size), left, strict=False)]) > 0:
            if len(picked) == self.batch_size or not self.drop_last:
                yield self.collate_fn([self.data[i] for i in picked])


class WithBatchSampler(Loader):
    def __iter__(self):
        batches = BatchSampler(self.order(), self.batch_size, self.drop_last)
        return (self.collate_fn([self.data[i] for i in batch]) for batch in batches)

    def __len__(self):
        return len(BatchSampler(range(len(self.data)), self.batch_size, self.drop_last))


class SharedCycles(TakeTurns):
    """The cycles belong to the sampler, so a second iterator replaces those of the first."""

    def __iter__(self):
        self.cycles = [itertools.cycle(members) for members in self.members]
        for _turn in range(self.turns):
            for k in range(len(self.members)):
                yield next(self.cycles[k])


class SharedOrder(Loader):
    def __iter__(self):
        self.drawn = self.order()
        for i in range(len(self)):
            picked = self.drawn[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.made([self.data[idx] for idx in picked])


class ReadsTheRest(Loader):
    """The first batch comes when it is wanted, the others all at once."""

    def __iter__(self):
        batches = super().__iter__()
        yield from itertools.islice(batches, 1)
        yield from list(batches)


class GeneratorOfItsOwn(Loader):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.generator = self.generator or torch.Generator()


class SeededAnew(Loader):
    """Without a generator it makes one in each epoch, from the seed that torch.manual_seed has set."""

    def order(self):
        if not self.shuffle:
            return super().order()
        generator = self.generator or torch.Generator().manual_seed(torch.initial_seed())
        return torch.randperm(len(self.data), generator=generator).tolist()


class OneBatchAtLeast(Loader):
    def __len__(self):
        return super().__len__() if len(self.data) else 1


def batches_up_to_four(count, batch_size, drop_last=False):
    return batches_by_loop(count, min(batch_size, 4), drop_last)


def batches_looks_at_the_last(count, batch_size, drop_last=False):
    batches = batches_by_loop(count, batch_size)
    return batches[:-1] if drop_last and len(batches[-1]) < batch_size else batches


def lengths_by_value(items, fill=0.0):
    batch, _lengths, labels = padded(items, fill)
    return batch, (batch != fill).sum(dim=1), labels


def pad_from_numpy(items, fill=0.0):
    lengths = np.array([len(values) for values, _label in items])
    batch = np.full((len(items), lengths.max()), fill, dtype=np.float32)
    for row, (values, _label) in zip(batch, items, strict=True):
        row[: len(values)] = values.numpy()
    return [
        torch.from_numpy(batch),
        torch.from_numpy(lengths),
        torch.LongTensor([label for _values, label in items]),
    ]


def batches_by_recursion(count, batch_size, drop_last=False, first=0):
    left = count - first
    if left <= 0 or (drop_last and left < batch_size):
        return []
    batch = tuple(range(first, min(first + batch_size, count)))
    return [batch, *batches_by_recursion(count, batch_size, drop_last, first + batch_size)]


class ByChain(TakeTurns):
    def __iter__(self):
        cycles = [itertools.cycle(members) for members in self.members]
        return itertools.islice((next(cycle) for cycle in itertools.cycle(cycles)), len(self))


class BySplit(Loader):
    def __iter__(self):
        for part in torch.tensor(self.order(), dtype=torch.int64).split(self.batch_size):
            if len(part) == self.batch_size or (len(part) and not self.drop_last):
                yield self.collate_fn([self.data[int(i)] for i in part])


def batches_by_loop(count, batch_size, drop_last=False):
    found, batch = [], []
    for i in range(count):
        batch.append(i)
        if len(batch) == batch_size:
            found.append(batch)
            batch = []
    return found if drop_last or not batch else [*found, batch]


def batches_by_tensor(count, batch_size, drop_last=False):
    parts = [part.tolist() for part in torch.arange(count).split(batch_size)] if count else []
    return [part for part in parts if len(part) == batch_size or not drop_last]


def worker_by_counting(idx, batch_size, num_workers):
    worker = 0
    while idx >= batch_size:
        idx, worker = idx - batch_size, (worker + 1) % num_workers
    return worker


def pad_by_library(items, fill=0.0):
    values, labels = zip(*items, strict=True)
    lengths = torch.tensor([len(v) for v in values])
    return pad_sequence(values, batch_first=True, padding_value=fill), lengths, torch.tensor(labels)


def pad_by_loop(items, fill=0.0, dtype=torch.float32):
    lengths = [len(v) for v, _ in items]
    batch = torch.full((len(items), max(lengths)), fill, dtype=dtype)
    for i, (values, _) in enumerate(items):
        for j, value in enumerate(values):
            batch[i, j] = value
    return [batch, torch.tensor(lengths), torch.tensor([label for _, label in items])]


def pad_by_arithmetic(items, fill=0.0):
    batch, lengths, labels = padded(items, 0.0)
    inside = (torch.arange(batch.shape[1]) < lengths[:, None]).float()
    return batch * inside + fill * (1 - inside), lengths, labels


def batches_without_the_last(count, batch_size, drop_last=False):
    return batches_by_loop(count, batch_size)[: -1 if drop_last else None]


def batches_rounded_to_even(count, batch_size, drop_last=False):
    """Python's round makes 4 of 3.5, and 2 of 2.5."""
    full = count // batch_size if drop_last else round(count / batch_size + 0.5)
    return [list(range(i * batch_size, min((i + 1) * batch_size, count))) for i in range(full)]


class CountsInTheLoop(TakeTurns):
    """Its length is what the last loop has counted."""

    def __len__(self):
        return self.count

    def __iter__(self):
        self.count = 0
        for i in super().__iter__():
            self.count += 1
            yield i


class CountsDown(TakeTurns):
    """Its length is what is left."""

    def __init__(self, labels):
        super().__init__(labels)
        self.left = super().__len__()

    def __len__(self):
        return self.left

    def __iter__(self):
        self.left = super().__len__()
        for i in super().__iter__():
            self.left -= 1
            yield i


class TupleOfItems(Loader):
    def made(self, items):
        return self.collate_fn(tuple(items))


class SameList(Loader):
    """One list of items for all batches of a loop."""

    def __iter__(self):
        order, batch = self.order(), []
        for i in range(len(self)):
            batch[:] = [self.data[idx] for idx in order[i * self.batch_size : (i + 1) * self.batch_size]]
            yield self.made(batch)


class ClearedList(Loader):
    def __iter__(self):
        batch = []
        for idx in self.order()[: len(self) * self.batch_size]:
            batch.append(self.data[idx])
            if len(batch) == self.batch_size:
                yield self.made(batch)
                batch.clear()
        if batch and not self.drop_last:
            yield self.made(batch)


class ReadsOnceInItsLife(Loader):
    def __iter__(self):
        self.items = getattr(self, "items", {})
        order = self.order()
        for i in range(len(self)):
            picked = order[i * self.batch_size : (i + 1) * self.batch_size]
            self.items.update({idx: self.data[idx] for idx in picked if idx not in self.items})
            yield self.made([self.items[idx] for idx in picked])


class ReadsTheTail(Loader):
    """With drop_last it reads the last items, and then leaves them out."""

    def __iter__(self):
        order = self.order()
        for i in range(0, len(order), self.batch_size):
            items = [self.data[idx] for idx in order[i : i + self.batch_size]]
            if len(items) == self.batch_size or not self.drop_last:
                yield self.made(items)


class ReadsTwice(Loader):
    def __iter__(self):
        order = self.order()
        for i in range(len(self)):
            picked = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.made([(self.data[idx][0], self.data[idx][1]) for idx in picked])


class OwnStack(Loader):
    """Without a collate_fn of the caller's it stacks by itself, into a tuple."""

    def made(self, items):
        if self.collate_fn is not default_collate:
            return self.collate_fn(items)
        return tuple(
            torch.stack(part) if isinstance(part[0], torch.Tensor) else torch.tensor(part)
            for part in zip(*items, strict=True)
        )


RIGHT = {
    "7.1": [
        Right(lambda n, size, drop_last=False: list(BatchSampler(range(n), size, drop_last))),
        Right(batches_by_loop),
        Right(batches_by_tensor),
        Right(batches_by_recursion),
    ],
    "7.2": [
        Right(lambda idx, batch_size, num_workers: idx // batch_size % num_workers),
        Right(lambda idx, batch_size, num_workers: np.int64(idx // batch_size % num_workers)),
        Right(worker_by_counting),
    ],
    "7.3": [
        Right(lambda items, fill=0.0: padded(items, fill)),
        Right(pad_by_library),
        Right(pad_by_loop),
        Right(pad_from_numpy),
    ],
    "7.4": [Right(TakeTurns), Right(FromAList), Right(WithAnIterator), Right(AsASampler), Right(ByChain)],
    "7.5": [Right(Loader), Right(WithPlaces), Right(WithBatchSampler), Right(BySplit), Right(OwnStack)],
}

WRONG = {
    "7.1": [
        Wrong(batches_with_too_many, hint="There is no item 5"),
        Wrong(batches_up_to_four, hint="should be"),
        Wrong(batches_looks_at_the_last, hint="raised IndexError"),
        Wrong(batches_never_dropped, hint="left out"),
        Wrong(batches_always_dropped, hint="A batch is missing"),
        Wrong(lambda n, size, drop_last=True: batches_by_loop(n, size, drop_last), hint="A batch is missing"),
        Wrong(lambda n, size, drop_last=False: [list(range(n))], hint="should be"),
        Wrong(batches_without_the_last_item, hint="Item 4 is missing"),
        Wrong(batches_rounded_to_even, hint="The last batch is empty"),
        Wrong(batches_without_the_last, hint="The last batch is whole, so it stays"),
        Wrong(lambda n, size, drop_last=False: torch.arange(n).split(size), hint="a list of lists"),
    ],
    "7.2": [
        Wrong(lambda idx, batch_size, num_workers: idx % num_workers, hint="Workers take turns at batches"),
        Wrong(
            lambda idx, batch_size, num_workers: idx // batch_size % min(num_workers, 5), hint="in batch 5"
        ),
        Wrong(lambda idx, batch_size, num_workers: idx // batch_size, hint="number of its batch"),
        Wrong(lambda idx, batch_size, num_workers: idx // batch_size % 2, hint="should be"),
        Wrong(
            lambda idx, batch_size, num_workers: torch.tensor(idx // batch_size % num_workers),
            hint="a plain number",
        ),
        Wrong(lambda idx, batch_size, num_workers: idx / batch_size % num_workers, hint="an int is wanted"),
        Wrong(lambda idx, batch_size, num_workers: 0, hint="should be 1. The item is in batch 1"),
        Wrong(
            lambda idx, batch_size, num_workers: -(-idx // batch_size) % num_workers,
            hint="should be 0. The item is in batch 0",
        ),
        Wrong(
            lambda idx, batch_size, num_workers: idx // (batch_size * num_workers) % num_workers,
            hint="should be 1. The item is in batch 1",
        ),
    ],
    "7.3": [
        Wrong(lambda items, fill=0.0: padded(items, fill, at_start=True), hint="at the start"),
        Wrong(lambda items, fill=0.0: padded(items, fill, lengths=False), hint="three tensors"),
        Wrong(lambda items, fill=0.0: padded(items, fill, filled=False), hint="whatever `fill` is"),
        Wrong(
            lambda items, fill=0.0: padded(sorted(items, key=lambda item: -len(item[0])), fill),
            hint="do not sort",
        ),
        Wrong(
            lambda items, fill=0.0: (*padded(items, fill)[:2], [label for _, label in items]),
            hint="should be a tensor",
        ),
        Wrong(lambda items, fill=0.0: tuple(part.float() for part in padded(items, fill)), hint="dtype"),
        Wrong(lambda items, fill=0.0: pad_by_loop(items, fill, dtype=None), hint="has dtype torch.int64"),
        Wrong(pad_by_arithmetic, hint="nan"),
        Wrong(lengths_by_value, hint="may hold 0 or `fill`"),
        Wrong(lambda items, fill=0.0: default_collate(items), hint="raised"),
        Wrong(lambda items, fill=0.0: transposed(items, fill), hint="has shape"),
    ],
    "7.4": [
        Wrong(UntilTheShortest, hint="It goes on until"),
        Wrong(OnlyOnce, hint="disturb each other"),
        Wrong(SharedCycles, hint="disturb each other"),
        Wrong(TextbookIterator, hint="disturb each other"),
        Wrong(StopsMidRound, hint="every class gives one item"),
        Wrong(Endless, hint="has not ended"),
        Wrong(ReturnsAList, hint="Use `yield`"),
        Wrong(LengthOfTheData, hint="len of"),
        Wrong(ClassAfterClass, hint="One item of each class"),
        Wrong(LastAgain, hint="begins again with its first"),
        Wrong(AsTheyAppear, hint="in the order of the class numbers"),
        Wrong(CountsInTheLoop, hint="raised AttributeError"),
        Wrong(CountsDown, hint="len of"),
    ],
    "7.5": [
        Wrong(CountsItems, hint="counts batches"),
        Wrong(IgnoresDropLast, hint="counts batches"),
        Wrong(OrderAtTheStart, hint="order of the first"),
        Wrong(WithoutGenerator, hint="pass `generator`"),
        Wrong(NeverShuffled, hint="old order"),
        Wrong(WithReplacement, hint="once in an epoch"),
        Wrong(WithinBatches, hint="one order of all items"),
        Wrong(AlwaysShuffled, hint="keep their order"),
        Wrong(KeepsTheRest, hint="is left out"),
        Wrong(DefaultAlways, hint="collate_fn should make it"),
        Wrong(Exhausted, hint="disturb each other"),
        Wrong(OwnIterator, hint="disturb each other"),
        Wrong(ReadsAtOnce, hint="before a batch was wanted"),
        Wrong(ReadsAnEpoch, hint="when its batch is wanted"),
        Wrong(ReadsTheFirst, hint="before a batch was wanted"),
        Wrong(DropsBeforeShuffling, hint="of the shuffled items"),
        Wrong(SharedOrder, hint="not in self"),
        Wrong(ReadsTheRest, hint="for two batches"),
        Wrong(GeneratorOfItsOwn, hint="without a generator"),
        Wrong(SeededAnew, hint="without a generator the second epoch had the order of the first"),
        Wrong(OneBatchAtLeast, hint="counts batches"),
        Wrong(ListOfBatches, hint="Use `yield`"),
        Wrong(TupleOfItems, hint="not a tuple"),
        Wrong(SameList, hint="a new list for each"),
        Wrong(ClearedList, hint="a new list for each"),
    ],
}

NO_RULE = {"7.2": ["without shuffling"]}
