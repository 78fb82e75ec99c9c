"""Checkers of chapter 17, sparse layers."""

import torch
from torch import nn
from torch.nn import functional as F

from . import NotYet, _, call, describe, exercise, expect, expect_trainable, require, switched_off


@exercise("17.1")
def encode_text(answer):
    vocabulary = {"<pad>": 0, "<unk>": 1, "the": 2, "dog": 3, "sees": 4, "cat": 5}
    other = {"<pad>": 0, "<unk>": 1, "cat": 9, "dog": 4}  # ids with holes, as after deleting words
    empty = _(
        "A text without words is all padding; torch.tensor([]) is of floating point, so name the dtype."
    )
    cases = [
        ("the dog sees the cat", vocabulary, 5, [2, 3, 4, 2, 5], _("Each word is replaced by its id.")),
        ("the cow sees", vocabulary, 3, [2, 1, 4], _("'cow' is not in the vocabulary, so its id is 1.")),
        ("dog", vocabulary, 4, [3, 0, 0, 0], _("What is missing is filled with 0, at the end.")),
        ("the dog sees the cat", vocabulary, 2, [2, 3], _("What is too long is cut off at the end.")),
        ("The dog", vocabulary, 2, [1, 3], _("'The' is not 'the', so its id is 1.")),
        (
            "dog, the cat.",
            vocabulary,
            3,
            [1, 2, 1],
            _("text.split() leaves commas and full stops: 'dog,' and 'cat.' are not in the vocabulary."),
        ),
        (
            "cow cow dog cow",
            other,
            6,
            [1, 1, 4, 1, 0, 0],
            _("Unknown words become 1, known ones get their id."),
        ),
        ("<pad> dog", vocabulary, 2, [0, 3], _("Each word is replaced by its id.")),
        (" dog  sees\n\tcat", vocabulary, 4, [3, 4, 5, 0], _("text.split() splits at any white space.")),
        ("", vocabulary, 2, [0, 0], empty),
        ("dog", vocabulary, 0, [], _("With length 0 nothing is left; name the dtype.")),
    ]
    for text, known, length, expected, why in cases:
        found = call(answer, text, known, length, name="encode_text")
        where = _("the result for {text!r} and length {length}", text=text, length=length)
        expect(found, torch.tensor(expected, dtype=torch.int64), where, why)
    return _(
        "This is all that a simple tokenizer does; real ones split words into pieces, so that hardly any is unknown."
    )


LOOKUPS = [(holder, name) for holder in (F, torch) for name in ("embedding", "embedding_bag")]


@exercise("17.2")
def look_up(answer):
    def reference(ids, table):
        return torch.stack([table.unbind()[i] for i in ids.flatten().tolist()]).reshape(
            *ids.shape, table.shape[1]
        )

    with switched_off(_("lookup"), *LOOKUPS):
        for ids, size in [
            (torch.tensor([3, 1, 3]), 5),
            (torch.tensor([[0, 1], [2, 0]]), 6),
            (torch.tensor(2), 4),
            (torch.tensor([[[1], [0]]]), 3),
        ]:
            table = torch.randn(size, 3)
            where = _("the result for ids {ids} and a table of {size} rows", ids=ids.tolist(), size=size)
            wanted = reference(ids, table)
            found = call(answer, ids, table, name="look_up")
            expect(found, wanted, where, _("One row of the table for each id."))
            expect_trainable(answer, reference, ids, table, what=where, name="look_up")
        # 0 times infinity is NaN and 1 times infinity is infinity: a product shows NaN for the ids that do not ask
        # for the infinite number, in its column alone: in all of column 1, as no id asks for row 3. A lookup shows
        # no NaN, and the product with the rows up to the largest id none in column 1.
        table = torch.ones(4, 2)
        table[2, 0] = table[3, 1] = torch.inf
        found = call(answer, torch.tensor([0, 2, 1]), table, name="look_up")
        product = torch.tensor([[torch.nan, torch.nan], [torch.inf, torch.nan], [torch.nan, torch.nan]])
    require(
        isinstance(found, torch.Tensor) and torch.allclose(found.float(), product, equal_nan=True),
        _(
            "the numbers are right, but picked out of the table; the exercise asks for a product with dense one-hot "
            "vectors, in which every row takes part."
        ),
    )
    return _("All but one row are multiplied by 0: the embedding saves you that work.")


@exercise("17.3")
def mean_of_words(answer):
    def reference(vectors, ids):
        rows = []
        for some, row in zip(vectors, ids, strict=True):
            real = some[row != 0]
            rows.append(real.mean(dim=0) if len(real) else 0 * some.sum(dim=0))
        return torch.stack(rows)

    cases = [
        ([[4, 2, 7], [5, 0, 0], [0, 6, 0], [8, 1, 0]], 2),
        ([[3, 0, 8, 0, 3]], 4),  # one sentence, with a word twice
        ([[0, 0, 0], [1, 2, 3], [0, 0, 9]], 3),  # one of nothing but padding
        ([[2], [0]], 1),  # of one place
    ]
    for listed, width in cases:
        ids = torch.tensor(listed)
        vectors = torch.randn(*ids.shape, width) + 1
        vectors[0, 0] = 0  # of a real word, too
        wanted = reference(vectors, ids)
        real = (ids != 0).sum(dim=1, keepdim=True)
        where = _("the result for the ids {ids}", ids=listed)
        some = (ids != 0).unsqueeze(-1)
        mistakes = {
            _(
                "This is the mean over all places; the padding counts neither in the sum nor in the count."
            ): vectors.mean(1),
            _("The sum is right, but divided by the number of all places."): (vectors * some).mean(1),
            _(
                "The count is right, but the padding is in the sum; the vectors there need not be zero."
            ): vectors.sum(1) / real.clamp(min=1),
            _("A sentence of nothing but padding gives NaN, which is 0 / 0; it should give zeros."): (
                vectors * some
            ).sum(1)
            / real,
            _("This is the sum; divide it by the number of real words."): (vectors * some).sum(1),
        }
        found = call(answer, vectors, ids, name="mean_of_words")
        expect(
            found, wanted, where, _("It is the mean over the places whose id is not 0."), mistakes=mistakes
        )
        why = _(
            "Never divide by 0: its gradient is NaN even where the result is replaced; divide by at least 1."
        )
        expect_trainable(
            answer, reference, vectors, ids, what=where, why="" if real.all() else why, name="mean_of_words"
        )
    return _("`nn.EmbeddingBag(..., padding_idx=0)` does the same in one step.")


@exercise("17.4")
def pack(answer):
    for bags in (
        [[1, 3, 3], [4]],
        [[2], [], [5, 6], []],
        [[7, 0, 8]],
        [[], [1]],
        [[], []],
        [[9], [2, 2, 2], [], [], [4, 1]],
    ):
        where = _("pack({bags})", bags=bags)
        found = call(answer, bags, name="pack")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("{where} returned {found}; ids and offsets are wanted.", where=where, found=describe(found)),
        )
        lengths = [len(bag) for bag in bags]
        starts = [sum(lengths[:i]) for i in range(len(bags))]
        ends = [start + length for start, length in zip(starts, lengths, strict=True)]
        ids = torch.tensor([number for bag in bags for number in bag], dtype=torch.int64)
        why = _("All bags one after the other, with every id, 0 as well.")
        if not len(ids):
            why = _("torch.tensor([]) is of floating point, so name the dtype.")
        expect(found[0], ids, _("the first tensor of {where}, ids,", where=where), why)
        expect(
            found[1],
            torch.tensor(starts),
            _("the second tensor of {where}, offsets,", where=where),
            _("A bag starts where the one before it ends, also if it is empty."),
            mistakes={
                _("These are the lengths; the offsets say where each bag starts."): torch.tensor(lengths),
                _("This is where each bag ends; the offsets say where it starts."): torch.tensor(ends),
                _(
                    "This is one number more than there are bags; without include_last_offset the end is not in it."
                ): (torch.tensor([*starts, ends[-1]])),
            },
        )
    return _("No padding: the ids of all bags need no more places than there are words.")


@exercise("17.5")
def sparse_step(answer):
    for numbers, lr, (rows, width) in [
        ([2, 0], 0.1, (5, 2)),
        ([1, 3, 1, 1], 0.5, (4, 3)),
        ([4], 1.0, (7, 1)),
        ([0, 4, 4, 2, 0, 0], 0.01, (6, 4)),
        ([], 0.1, (5, 2)),
    ]:
        ids, table = torch.tensor(numbers, dtype=torch.int64), torch.randn(rows, width)
        gradients = torch.randn(len(ids), width) + 1
        where = _("the new table for ids {ids} and lr {lr:g}", ids=numbers, lr=lr)
        total = torch.zeros(rows, width)
        last, times = total.clone(), torch.ones(rows, 1)
        for i, number in enumerate(numbers):
            total[number] += gradients[i]
            last[number] = gradients[i]
            times[number] = numbers.count(number)
        expected = table - lr * total
        mistakes = {}
        if numbers:
            mistakes = {
                _("The sign is wrong: a step goes against the gradient, by -lr * gradient."): table
                + lr * total,
                _("lr is missing: row ids[k] moves by -lr * gradients[k]."): table - total,
                _("These are the steps alone; add them to the table."): -lr * total,
            }
        if len(set(numbers)) < len(numbers):
            mistakes |= {
                _(
                    "A repeated id has only one of its gradients: indexing writes a row once, it does not add up."
                ): (table - lr * last),
                _("The gradients of a repeated id are averaged; add them up."): table - lr * total / times,
            }
        found = call(answer, table, ids, gradients, lr, name="sparse_step")
        why = _("Row ids[k] moves by -lr * gradients[k]; the other rows stay.")
        expect(found, expected, where, why, mistakes=mistakes)
    return _(
        "This is what SGD does with a sparse gradient, but in place: only the rows used are read and written."
    )


@exercise("17.6")
def text_classifier(answer):
    for size, width, classes in [(9, 4, 3), (20, 3, 5)]:
        _check_classifier(call(answer, size, width, classes, name="text_classifier"), size, width, classes)
    return _("With SparseAdam for the embedding and Adam for the linear layer it trains as in the chapter.")


def _check_classifier(model, size, width, classes):
    if not isinstance(model, nn.Module):
        raise NotYet(_("text_classifier returned {found}; a module is wanted.", found=describe(model)))
    ids = torch.tensor([[3, 3, 1], [4, 0, 0], [0, 0, 0]])
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    drawn = [table.weight.detach().clone() for table in tables]
    logits = call(model, ids, name=_("the module"))
    expect(
        tuple(getattr(logits, "shape", ())),
        (3, classes),
        _("for ids of shape (3, 3), the logits' shape"),
    )
    expect(
        sum(p.numel() for p in model.parameters()),
        size * width + width * classes + classes,
        _("the number of parameters"),
        _(
            "{size} x {width}, then {width} x {classes} and {classes}.",
            size=size,
            width=width,
            classes=classes,
        ),
    )
    require(len(tables) == 1, _("the module holds {count} embeddings; one is wanted.", count=len(tables)))
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    require(len(linear) == 1, _("the module holds {count} linear layers; one is wanted.", count=len(linear)))
    table, head = tables[0].weight, linear[0]
    changes = _("a forward pass changes the table; leave `max_norm` out.")
    require(torch.equal(table, drawn[0]), changes)
    require(not table[0].any(), _("row 0 of the embedding is not zero; name the padding by padding_idx."))
    means = torch.stack([table[ids[0]].mean(dim=0), table[4], torch.zeros(width)])
    sums = torch.stack([table[ids[0]].sum(dim=0), table[4], torch.zeros(width)])
    over_all = torch.stack([table[ids[0]].mean(dim=0), table[4] / 3, torch.zeros(width)])
    right = head(means)
    expect(
        logits,
        right,
        _("the logits for the ids {ids}", ids=ids.tolist()),
        _("They should be the linear layer of the mean of the real words' rows."),
        mistakes={
            _("This is the linear layer of the sum; take the mean."): head(sums),
            _("The padding counts in the mean; divide by the number of real words."): head(over_all),
            _("0 / 0 is NaN: a sentence of nothing but padding has the mean 0."): torch.cat(
                [right[:2], head(means[2:] / 0)]
            ),
            _("These are probabilities; logits are wanted, without a softmax."): right.softmax(dim=1),
            _("These are logarithms of probabilities; logits are wanted."): right.log_softmax(dim=1),
        },
    )
    expect(
        call(model, F.pad(ids, (0, 5)), name=_("the module")),
        right,
        _("the logits after five more places of padding"),
        _("The padding counts for nothing, in the count of the mean as well."),
    )
    expect(
        call(model, ids[:1].flip(1), name=_("the module")),
        right[:1],
        _("the logits of one sentence with its words in another order"),
        _("A mean does not know the order."),
    )
    require(
        all(p.requires_grad for p in model.parameters()) and all(m.training for m in model.modules()),
        _("the module is frozen, or in eval mode; a new module is neither."),
    )
    longer = torch.tensor([[5, 1, 2, 8, 6, 1, 7, 4, 3, 2, size - 1, 0, 0]])
    right = head(_means(table, longer))
    model.eval()
    expect(
        call(model, longer, name=_("the module")),
        right,
        _("in eval mode, the logits for the ids {ids}", ids=longer.tolist()),
        _("They should be the linear layer of the mean of the real words' rows."),
        mistakes={
            _("These are probabilities; logits are wanted, in eval mode, too."): right.softmax(dim=1),
        },
    )
    model.train()
    model.zero_grad()
    logits = call(model, ids, name=_("the module"))
    require(logits.requires_grad, _("no gradient reaches the logits, so the module cannot be trained."))
    logits.sum().backward()
    require(
        table.grad is not None and table.grad.is_sparse,
        _("the embedding's gradient is not sparse; see `sparse`."),
    )
    found = table.grad.coalesce().to_dense()
    require(
        not found[0].any(),
        _("row 0 gets a gradient, so training would move it; name the padding by padding_idx."),
    )
    expected, slope = torch.autograd.grad(head(_means(table, ids)).sum(), [table, head.weight])
    expected[0] = 0
    expect(
        found,
        expected,
        _("the gradient of the embedding"),
        _("Each real word of a sentence gets an equal share."),
    )
    nan = _("Never divide by 0: its gradient is NaN even where the result is replaced; divide by at least 1.")
    expect(
        head.weight.grad, slope, _("the gradient of the linear layer"), mistakes={nan: slope * float("nan")}
    )
    with torch.no_grad():
        long = table.mul_(100).clone()  # after a long training
    call(model, ids, name=_("the module"))
    require(torch.equal(table, long), changes)


def _means(table, ids):
    real = (ids != 0).unsqueeze(-1)
    return (table[ids] * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
