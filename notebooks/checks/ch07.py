"""Checkers of chapter 7, the data loader."""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from . import NotYet, _, call, describe, exercise, expect, require, same, sentence, take
from .texts import Text


def start(thing: Iterable, what: Text) -> Iterator:
    """iter(thing), or NotYet with what it raised."""
    try:
        return iter(thing)
    except Exception as error:
        raise NotYet(
            _(
                "a `for` over {what} raised {error}. Use `yield` in __iter__, or return iter(…) of a list.",
                what=what,
                error=sentence(error),
            )
        ) from None


def gone_through(thing: Iterable, limit: int, what: Text) -> list:
    """The items of `thing`, or NotYet if two iterators of it disturb each other or one gives more than `limit`."""
    first, second = start(thing, what), start(thing, what)
    shared = _(
        "two iterators of {what} disturb each other: each call of __iter__ should start from the beginning and keep "
        "its own place. Use `yield`, or return iter(…) of a list made there.",
        what=what,
    )
    require(first is not second, shared)
    begun = take(islice(first, 1), limit, what)
    whole = take(second, limit, what)
    rest = take(first, limit, what)
    require(len(begun) + len(rest) == len(whole), shared)
    if same(take(start(thing, what), limit, what), whole):  # not if each start has an order of its own
        require(same([*begun, *rest], whole), shared)
    return whole


def length(thing, what: Text) -> int:
    """len(thing), or NotYet with what it raised."""
    try:
        return len(thing)
    except Exception as error:
        raise NotYet(_("len of {what} raised {error}.", what=what, error=sentence(error))) from None


@exercise("7.1")
def index_batches(answer):
    for count, size, drop in [
        (5, 2, None),
        (5, 2, True),
        (6, 3, True),
        (6, 3, False),
        (3, 4, False),
        (3, 4, True),
        (0, 2, False),
        (0, 2, True),
        (7, 1, True),
        (9, 3, False),
        (25, 11, False),
        (25, 11, True),
    ]:
        too_many = [list(range(i, i + size)) for i in range(0, count, size)]
        kept = [[i for i in batch if i < count] for batch in too_many]
        dropped = [batch for batch in kept if len(batch) == size]
        without_last = [[i for i in batch if i < count - 1] for batch in too_many]
        options = {} if drop is None else {"drop_last": drop}
        found = call(answer, count, size, **options, name="index_batches")
        nested = isinstance(found, list | tuple) and all(isinstance(part, list | tuple) for part in found)
        expect(
            found,
            dropped if drop else kept,
            _("index_batches({count}, {size}, drop_last={drop})", count=count, size=size, drop=bool(drop)),
            "" if nested else _("It is a list of lists of plain numbers."),
            mistakes={
                _("There is no item {count}: the last batch is smaller.", count=count): too_many,
                _("With drop_last a smaller last batch is left out."): kept,
                _("A batch is missing: without drop_last the smaller last one stays."): dropped,
                _("The last batch is whole, so it stays; drop_last leaves out a smaller one only."): kept[
                    :-1
                ],
                _("Item {last} is missing.", last=count - 1): without_last,
                _("The last batch is empty; leave it out."): [*(dropped if drop else kept), []],
                _("Each batch should be a list of its own."): [i for batch in kept for i in batch],
            },
        )
    return _("`torch.utils.data.BatchSampler` does this to any sampler.")


@exercise("7.2")
def worker_of(answer):
    for size, workers in [(2, 2), (3, 2), (1, 3), (4, 1), (2, 5), (5, 7)]:
        items = range(4 * size * workers)
        found = [call(answer, idx, size, workers, name="worker_of") for idx in items]
        by_items = same(found, [idx % workers for idx in items])  # one number alone does not show the mistake
        by_batches = same(found, [idx // size for idx in items])
        for idx in items:
            why = _("The item is in batch {batch}, and worker 0 gets batch 0.", batch=idx // size)
            if by_items:
                why = _(
                    "Workers take turns at batches, not at items: the item is in batch {batch}, and worker 0 gets batch 0.",
                    batch=idx // size,
                )
            elif by_batches:
                why = _("This is the number of its batch; after the last worker it is worker 0's turn again.")
            expect(
                found[idx],
                idx // size % workers,
                _("worker_of({idx}, {size}, {workers})", idx=idx, size=size, workers=workers),
                why,
            )
    return _("A batch is never shared between workers: one slow item holds up the whole batch.")


@exercise("7.3")
def pad_sequences(answer):
    for lengths, fill in [
        ((4, 1, 2), None),
        ((2, 4, 2), -1),  # of which torch.full makes an int64 tensor
        ((1,), 7.0),
        ((3, 0, 5, 1), 0.5),
        ((3, 1), float("-inf")),  # times 0 it is nan
    ]:
        items = [(torch.randn(n), int(torch.randint(100, ()))) for n in lengths]
        put = 0.0 if fill is None else fill
        for values, _label in items:  # a 0 or a `fill` within a sequence belongs to it
            values[1:2], values[3:] = 0.0, put
        rests = [torch.full((max(lengths) - n,), put) for n in lengths]
        batch = torch.stack(
            [torch.cat([values, rest]) for (values, _label), rest in zip(items, rests, strict=True)]
        )
        at_start = torch.stack(
            [torch.cat([rest, values]) for (values, _label), rest in zip(items, rests, strict=True)]
        )
        unfilled = torch.where(
            torch.arange(max(lengths)) < torch.tensor(lengths)[:, None], batch, torch.tensor(0.0)
        )
        where = _("for sequences of lengths {lengths} and fill={fill}", lengths=lengths, fill=put)
        found = call(answer, items, *([] if fill is None else [fill]), name="pad_sequences")
        require(
            isinstance(found, tuple | list) and len(found) == 3,
            _(
                "{where} pad_sequences returned {found}; three tensors are wanted.",
                where=where,
                found=describe(found),
            ),
        )
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        expect(
            found[0],
            batch,
            _("{where} the batch", where=where),
            _("One sequence in each row, then {fill} to its end.", fill=put),
            mistakes={
                _("You filled up at the start; fill up at the end."): at_start,
                _("It is filled with 0 whatever `fill` is."): unfilled,
                _("The sequences keep their order; do not sort them."): batch[order],
            },
        )
        expect(
            found[1],
            torch.tensor(lengths),
            _("{where} the tensor of lengths", where=where),
            _("Take the lengths from the sequences; a sequence may hold 0 or `fill` itself."),
        )
        labels = torch.tensor([label for _values, label in items])
        expect(found[2], labels, _("{where} the tensor of labels", where=where))
    return _("torch.nn.utils.rnn.pad_sequence does the first part; chapter 13 needs the lengths too.")


def turns(labels: list[int], largest: bool = True) -> list[int]:
    """What TakeTurns should give; with largest=False it ends with the smallest class."""
    members = [[i for i, label in enumerate(labels) if label == k] for k in range(max(labels) + 1)]
    rounds = (max if largest else min)(len(some) for some in members)
    return [some[turn % len(some)] for turn in range(rounds) for some in members]


@exercise("7.4")
def take_turns(answer):
    require(
        isinstance(answer, type),
        _("the answer should be a class, but is {found}.", found=describe(answer)),
    )
    drawn = [0, 1, 2, 3, *torch.randint(4, (12,)).tolist()]
    for labels in [[0, 0, 0, 1, 1], [1, 0, 1, 1], [2, 0, 1], [0, 0, 0, 0, 1, 2, 2], [0, 0], drawn]:
        expected = turns(labels)
        where = _("TakeTurns({labels})", labels=labels)
        sampler = call(answer, labels, name="TakeTurns")
        found = gone_through(sampler, 4 * len(expected), where)
        found = [i.item() if isinstance(i, torch.Tensor) and i.numel() == 1 else i for i in found]
        expect(
            found,
            expected,
            _("what {where} gives, as a list,", where=where),
            _(
                "One item of each class, in the order of the class numbers, then the next of each; a class that has "
                "run out begins again with its first item."
            ),
            mistakes={
                _("It goes on until every item of the largest class has been given."): turns(labels, False),
                _("The last round has to be completed: every class gives one item in each round."): expected[
                    : max(map(expected.index, range(len(labels)))) + 1
                ],
            },
        )
        for each in (call(answer, labels, name="TakeTurns"), sampler):  # before a loop, and after it
            expect(length(each, where), len(expected), _("len of {where}", where=where))
    return _(
        "In an epoch every class comes equally often; a batch is balanced if its size is a multiple of the number of "
        "classes. The items of a small class are repeated, and may be learnt by heart."
    )


class Watched(Dataset):
    """Items (number, its square) that note which of them have been read."""

    def __init__(self, count: int):
        self.count, self.read = count, []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, idx: int) -> tuple[torch.Tensor, int]:
        if not 0 <= idx < self.count:
            raise IndexError(idx)
        self.read.append(int(idx))
        return torch.tensor([idx, -idx]).float(), int(idx) ** 2


def in_order(answer, count: int, options: dict) -> None:
    """Compare the answer with DataLoader, without shuffling."""
    shown = {key: getattr(value, "__name__", value) for key, value in options.items()}
    where = _("Loader over {count} items with {options}", count=count, options=shown or _("the defaults"))
    data, theirs = Watched(count), list(DataLoader(Watched(count), **options))
    mine = call(answer, data, **options, name="Loader")
    require(
        not data.read,
        _("{where} read the items {read} before a batch was wanted.", where=where, read=data.read),
    )
    expect(
        length(mine, where),
        len(theirs),
        _("len of {where}", where=where),
        _("It counts batches, as drop_last says."),
    )
    if theirs:
        first = start(mine, where)
        early = list(data.read)
        take(islice(first, 1), 1, where)
        size = options.get("batch_size", 1)
        require(
            len(set(data.read)) == len(data.read),
            _(
                "for its first batch {where} read the items {read}; read each item once, since a data set may draw "
                "random numbers for it.",
                where=where,
                read=data.read,
            ),
        )
        require(
            len(data.read) <= size,
            _(
                "for its first batch {where} read the items {read}; read an item when its batch is wanted.",
                where=where,
                read=data.read,
            ),
        )
        require(
            not early, _("{where} read the items {read} before a batch was wanted.", where=where, read=early)
        )
        data.read.clear()
        take(islice(start(mine, where), 2), 2, where)
        require(
            len(data.read) <= 2 * size,
            _(
                "for two batches {where} read the items {read}; read an item when its batch is wanted.",
                where=where,
                read=data.read,
            ),
        )
    found = gone_through(mine, count + 1, where)
    require(
        len(found) == len(theirs),
        _(
            "{where} gives {found} batches, but should give {wanted}: a smaller last batch {fate}.",
            where=where,
            found=len(found),
            wanted=len(theirs),
            fate=_("is left out") if options.get("drop_last") else _("stays"),
        ),
    )
    data.read.clear()
    take(start(mine, where), count + 1, where)
    wanted = list(range(count))[: len(theirs) * options.get("batch_size", 1)]
    require(
        sorted(data.read) == wanted,
        _(
            "in one more loop {where} read the items {read}, but should read {wanted}: the items of its batches, all of "
            "them anew in each loop, and no others.",
            where=where,
            read=data.read,
            wanted=wanted,
        ),
    )
    own = options.get("collate_fn") is untouched
    require(
        not own or len({id(batch) for batch in found}) == len(found),
        _(
            "{where} gives collate_fn the same list again, with other items; make a new list for each batch.",
            where=where,
        ),
    )
    why = _("Without shuffle the items keep their order; collate_fn should make it, of the list of items.")
    for i, (batch, wanted) in enumerate(zip(found, theirs, strict=True)):
        expect(
            batch,
            wanted,
            _("{where}: batch {i}", where=where, i=i),
            why,
            mistakes={_("collate_fn gets a list of the items, not a tuple."): tuple(wanted)} if own else None,
            same_type=own,
        )


def orders(answer, seed: int, **options) -> list[list[int]]:
    """The items of two epochs with shuffle=True."""
    generator = torch.Generator().manual_seed(seed)
    data = TensorDataset(torch.arange(20))
    mine = call(answer, data, batch_size=6, shuffle=True, generator=generator, name="Loader", **options)
    where = _("Loader with shuffle=True")
    epochs = [take(start(mine, where), 20, where) for _epoch in range(2)]
    try:
        return [torch.cat([torch.as_tensor(batch[0]) for batch in batches]).tolist() for batches in epochs]
    except Exception:
        raise NotYet(
            _(
                "with shuffle=True the first batch is {found}; collate_fn should make it.",
                found=describe(epochs[0][:1]),
            )
        ) from None


def total(items: list) -> int:
    """A collate_fn of its own kind: the sum of the second parts."""
    return sum(square for _x, square in items)


def untouched(items: list) -> list:
    """A collate_fn that shows what it gets."""
    return items


@exercise("7.5")
def loader(answer):
    require(
        isinstance(answer, type),
        _("the answer should be a class, but is {found}.", found=describe(answer)),
    )
    in_order(answer, 5, {"batch_size": 2})
    in_order(answer, 5, {"batch_size": 2, "drop_last": True})
    in_order(answer, 6, {"batch_size": 3, "drop_last": True})
    in_order(answer, 4, {})
    in_order(answer, 3, {"batch_size": 5})
    in_order(answer, 3, {"batch_size": 5, "drop_last": True})
    in_order(answer, 5, {"batch_size": 3, "collate_fn": total})
    in_order(answer, 7, {"batch_size": 2})
    in_order(answer, 5, {"batch_size": 2, "collate_fn": untouched})

    first, second = orders(answer, 1)
    for order in (first, second):
        require(
            sorted(order) == list(range(20)),
            _(
                "with shuffle=True every item should come once in an epoch, but 20 items came as {order}; draw one "
                "order, at the start of __iter__.",
                order=order,
            ),
        )
    require(first != list(range(20)), _("with shuffle=True the items came in their old order."))
    require(first != second, _("with shuffle=True the second epoch had the order of the first."))
    require(
        orders(answer, 1) == [first, second],
        _("the same seed gave another order; pass `generator` to torch.randperm."),
    )
    generator = torch.Generator().manual_seed(1)
    expected = [torch.randperm(20, generator=generator).tolist() for _epoch in range(2)]
    require(
        [first, second] == expected,
        _(
            "with shuffle=True and a seed of 1 the items came as {first}, but torch.randperm(20, generator=generator) "
            "gives {wanted}: draw one order of all items, then cut it into batches.",
            first=first,
            wanted=expected[0],
        ),
    )
    require(
        orders(answer, 1, drop_last=True) == [order[:18] for order in expected],
        _("with shuffle=True and drop_last=True the last of the shuffled items are left out, here 2 of 20."),
    )
    where = _("Loader with shuffle=True")
    mine = call(answer, TensorDataset(torch.arange(20)), shuffle=True, name="Loader")
    torch.manual_seed(1)
    found = [batch[0].item() for batch in take(start(mine, where), 20, where)]
    require(
        found == expected[0],
        _(
            "without a generator, with shuffle=True and after torch.manual_seed(1) the items came as {found}, but "
            "torch.randperm(20) gives {wanted}.",
            found=found,
            wanted=expected[0],
        ),
    )
    again = [batch[0].item() for batch in take(start(mine, where), 20, where)]
    require(again != found, _("without a generator the second epoch had the order of the first."))
    first, second = start(mine, where), start(mine, where)
    begun = take(islice(first, 3), 3, where)
    take(second, 20, where)
    both = [batch[0].item() for batch in [*begun, *take(first, 20, where)]]
    require(
        sorted(both) == list(range(20)),
        _(
            "with shuffle=True a second `for` over the Loader changed the order of the first one, which was still "
            "under way: keep the order in a variable of __iter__, not in self."
        ),
    )
    in_order(answer, 0, {"batch_size": 2})
    return _("DataLoader adds workers, pinning and many checks; the heart of it is these lines.")
