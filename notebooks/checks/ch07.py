"""Checkers of chapter 7, the data loader."""

from itertools import islice

import torch
from torch.utils.data import DataLoader, TensorDataset

from . import NotYet, call, describe, exercise, expect, require


def sentence(error: Exception) -> str:
    """An error in one line, for a hint."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def length(thing, name: str):
    """len(thing), or NotYet with what it raised."""
    try:
        return len(thing)
    except Exception as error:
        raise NotYet(f"len of {name} raised {sentence(error)}.") from None


def gone_through(thing, name: str, limit: int = 100) -> list:
    """What a `for` over `thing` gives, or NotYet with what it raised or if it does not end."""
    try:
        found = list(islice(thing, limit))
    except Exception as error:
        why = " Use `yield`, or return iter(…) of the list." if "non-iterator" in str(error) else ""
        raise NotYet(f"a `for` over {name} raised {sentence(error)}.{why}") from None
    require(len(found) < limit, f"a `for` over {name} does not end.")
    return found


def plain(indices: list) -> list:
    """The same list, with indices that came as tensors turned into numbers."""
    return [i.item() if isinstance(i, torch.Tensor) and i.numel() == 1 else i for i in indices]


@exercise("7.1")
def index_batches(answer):
    for count, size, drop in [
        (5, 2, False),
        (5, 2, True),
        (6, 3, True),
        (6, 3, False),
        (3, 4, False),
        (3, 4, True),
    ]:
        indices = list(range(count))
        expected = [indices[i : i + size] for i in range(0, count, size)]
        if drop:
            expected = [batch for batch in expected if len(batch) == size]
        where = f"index_batches({count}, {size}, drop_last={drop})"
        found = call(answer, count, size, drop, name="index_batches")
        require(isinstance(found, list), f"{where} is {describe(found)}; a list of lists is wanted.")
        if found == expected:
            continue
        flat = [i for batch in found if isinstance(batch, list) for i in batch]
        why = ""
        if any(isinstance(i, int) and i >= count for i in flat):
            why = f" There is no item {max(flat)}: the last batch is smaller."
        elif not all(isinstance(batch, list) for batch in found):
            why = " Each batch should be a list of plain numbers."
        elif drop and len(found) > len(expected):
            why = " With drop_last a smaller last batch is left out."
        elif len(found) < len(expected):
            why = " A batch is missing."
        elif missing := {i for batch in expected for i in batch} - set(flat):
            why = f" Item {min(missing)} is missing."
        raise NotYet(f"{where} is {describe(found)}, but should be {expected}.{why}")
    return "`torch.utils.data.BatchSampler` does this to any sampler."


@exercise("7.2")
def worker_of(answer):
    for size, workers in [(2, 2), (3, 2), (1, 3), (4, 1)]:
        for idx in range(3 * size * workers):
            found = call(answer, idx, size, workers, name="worker_of")
            why = f"It is in batch {idx // size}, and worker 0 gets batch 0."
            expect(found, idx // size % workers, f"worker_of({idx}, {size}, {workers})", why)
    return "A batch is never shared between workers: one slow item holds up the whole batch."


@exercise("7.3")
def pad_sequences(answer):
    for lengths, fill in [((4, 1, 2), 0.0), ((2, 4), -1.0), ((1,), 7.0)]:
        items = [(torch.arange(1.0, n + 1), 10 * n) for n in lengths]
        batch = torch.full((len(items), max(lengths)), fill)
        for i, (values, _) in enumerate(items):
            batch[i, : len(values)] = values
        where = f"for sequences of lengths {lengths} and fill={fill}"
        found = call(answer, items, fill, name="pad_sequences")
        require(
            isinstance(found, tuple | list) and len(found) == 3,
            f"{where} pad_sequences returned {describe(found)}; three tensors are wanted.",
        )
        if isinstance(found[0], torch.Tensor) and found[0].shape == batch.shape:
            at_the_start = torch.stack([torch.roll(row, row.numel() - n) for row, n in zip(batch, lengths)])  # noqa: B905
            if not torch.equal(batch, at_the_start) and torch.equal(found[0].float(), at_the_start):
                raise NotYet(f"{where} the sequences were filled up at the start; fill up at the end.")
        expect(found[0], batch, f"{where} the batch", f"One sequence in each row, then {fill} to its end.")
        expect(found[1], torch.tensor(lengths), f"{where} the tensor of lengths")
        expect(found[2], torch.tensor([label for _, label in items]), f"{where} the tensor of labels")
    return "torch.nn.utils.rnn.pad_sequence does the first part; chapter 13 needs the lengths too."


@exercise("7.4")
def take_turns(answer):
    require(isinstance(answer, type), f"the answer should be a class, but is {describe(answer)}.")
    cases = [
        ([0, 0, 0, 1, 1], [0, 3, 1, 4, 2, 3]),
        ([1, 0, 1, 1], [1, 0, 1, 2, 1, 3]),
        ([2, 0, 1], [1, 2, 0]),
        ([0, 0, 0, 0, 1, 2, 2], [0, 4, 5, 1, 4, 6, 2, 4, 5, 3, 4, 6]),
        ([0, 0], [0, 1]),
    ]
    for labels, expected in cases:
        where = f"TakeTurns({labels})"
        sampler = call(answer, list(labels), name="TakeTurns")
        found = plain(gone_through(sampler, where))
        if found and found == expected[: len(found)] and len(found) < len(expected):
            raise NotYet(
                f"{where} gives {found} and ends; it goes on until every item of the largest class was given."
            )
        require(
            found == expected,
            f"{where} gives {describe(found)}, but should give {expected}. One item of each class, in the order of "
            "the class numbers, then the next of each; a class that has run out begins again with its first.",
        )
        expect(found, expected, f"the list of what {where} gives")
        require(
            plain(gone_through(sampler, where)) == expected,
            f"{where} gives something else, or nothing, when it is gone through again; start anew in __iter__.",
        )
        expect(length(sampler, where), len(expected), f"len of {where}")
    found = [
        y
        for (y,) in DataLoader(
            TensorDataset(torch.tensor([5, 5, 5, 6, 6])), 2, sampler=answer([0, 0, 0, 1, 1])
        )
    ]
    expect(torch.cat(found), torch.tensor([5, 6] * 3), "what a DataLoader with this sampler gives")
    return "Every batch is balanced, but the small class's items come more often: it may be learnt by heart."


@exercise("7.5")
def loader(answer):
    require(isinstance(answer, type), f"the answer should be a class, but is {describe(answer)}.")
    for count, options in [
        (5, {"batch_size": 2}),
        (5, {"batch_size": 2, "drop_last": True}),
        (6, {"batch_size": 3, "drop_last": True}),
        (4, {}),
        (3, {"batch_size": 5}),
        (5, {"batch_size": 3, "collate_fn": list}),
    ]:
        data = TensorDataset(torch.arange(2.0 * count).reshape(count, 2), torch.arange(count))
        where = (
            f"Loader over {count} items with {options if 'collate_fn' not in options else 'collate_fn=list'}"
        )
        mine, theirs = call(answer, data, **options, name="Loader"), DataLoader(data, **options)
        expect(length(mine, where), len(theirs), f"len of {where}", "It counts batches.")
        for turn in ("first", "second"):
            found = gone_through(mine, where)
            if turn == "second" and not found:
                raise NotYet(f"{where} gives nothing the second time; draw the order anew in __iter__.")
            require(
                len(found) == len(theirs),
                f"{where} gives {len(found)} batches, but should give {len(theirs)}."
                + (" With drop_last a smaller last batch is left out." if options.get("drop_last") else ""),
            )
            for i, (a, b) in enumerate(zip(found, theirs, strict=True)):
                if "collate_fn" in options:
                    require(
                        isinstance(a, list) and all(isinstance(part, tuple) for part in a),
                        f"{where}: a batch is {describe(a)}; collate_fn should make it, of a list of items.",
                    )
                require(
                    isinstance(a, tuple | list) and len(a) == len(b),
                    f"{where}: batch {i} is {describe(a)}, but should be {describe(b)}.",
                )
                for j, (part, wanted) in enumerate(zip(a, b, strict=True)):
                    why = "Without shuffle the items keep their order; collate_fn makes a batch of the list of items."
                    expect(part, wanted, f"{where}: batch {i}, part {j},", why)

    data = TensorDataset(torch.arange(20))
    orders = []
    for _ in range(2):
        generator = torch.Generator().manual_seed(1)
        mine = call(answer, data, batch_size=6, shuffle=True, generator=generator, name="Loader")
        for _ in range(2):
            batches = gone_through(mine, "Loader with shuffle=True")
            orders.append(torch.cat([batch[0] for batch in batches]).tolist())
    require(
        all(sorted(order) == list(range(20)) for order in orders),
        f"with shuffle=True every item should come once in an epoch, but 20 items came as {orders[0]}; draw one order, at the start "
        "of __iter__.",
    )
    require(orders[0] != list(range(20)), "with shuffle=True the items came in their old order.")
    require(orders[0] != orders[1], "with shuffle=True the second epoch had the order of the first.")
    require(
        orders[:2] == orders[2:],
        "the same seed gave another order; hand `generator` to torch.randperm.",
    )
    generator = torch.Generator().manual_seed(1)
    expected = [torch.randperm(20, generator=generator).tolist() for _ in range(2)]
    require(
        orders[:2] == expected,
        f"with shuffle=True and a seed of 1 the items came as {orders[0]}, but torch.randperm(20, generator=generator) "
        f"gives {expected[0]}: draw one order of all items, then cut it into batches.",
    )
    return "DataLoader adds workers, pinning and many checks; the heart of it is these lines."
