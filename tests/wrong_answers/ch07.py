"""Wrong answers to the exercises of chapter 7."""

import torch
from torch.utils.data import default_collate

from wrong_answers import Wrong


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


WRONG = {
    "7.1": [
        Wrong(batches_with_too_many, hint="There is no item 5"),
        Wrong(batches_never_dropped, hint="left out"),
        Wrong(batches_always_dropped, hint="A batch is missing"),
        Wrong(batches_without_the_last_item, hint="Item 4 is missing"),
    ],
    "7.2": [
        Wrong(lambda idx, batch_size, num_workers: idx % num_workers, hint="in batch 0"),
        Wrong(lambda idx, batch_size, num_workers: idx // batch_size, hint="should be 0"),
        Wrong(lambda idx, batch_size, num_workers: idx / batch_size % num_workers, hint="an int is wanted"),
    ],
    "7.3": [
        Wrong(lambda items, fill=0.0: padded(items, fill, at_start=True), hint="at the start"),
        Wrong(lambda items, fill=0.0: padded(items, fill, lengths=False), hint="three tensors"),
        Wrong(lambda items, fill=0.0: padded(items, fill, filled=False), hint="fill=-1.0"),
        Wrong(lambda items, fill=0.0: default_collate(items), hint="raised"),
        Wrong(lambda items, fill=0.0: transposed(items, fill), hint="in each row"),
    ],
    "7.4": [
        Wrong(UntilTheShortest, hint="goes on until"),
        Wrong(OnlyOnce, hint="start anew"),
        Wrong(LengthOfTheData, hint="len of"),
        Wrong(ClassAfterClass, hint="One item of each class"),
        Wrong(LastAgain, hint="begins again with its first"),
        Wrong(AsTheyAppear, hint="in the order of the class numbers"),
    ],
    "7.5": [
        Wrong(CountsItems, hint="counts batches"),
        Wrong(IgnoresDropLast, hint="counts batches"),
        Wrong(OrderAtTheStart, hint="order of the first"),
        Wrong(WithoutGenerator, hint="hand `generator`"),
        Wrong(NeverShuffled, hint="old order"),
        Wrong(WithReplacement, hint="once in an epoch"),
        Wrong(WithinBatches, hint="one order of all items"),
        Wrong(AlwaysShuffled, hint="keep their order"),
        Wrong(KeepsTheRest, hint="is left out"),
        Wrong(DefaultAlways, hint="collate_fn should make it"),
        Wrong(Exhausted, hint="the second time"),
        Wrong(ListOfBatches, hint="Use `yield`"),
    ],
}
