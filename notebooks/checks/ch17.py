"""Checkers of chapter 17, sparse layers."""

import torch
from torch import nn
from torch.nn import functional as F

from . import call, describe, exercise, expect, require


@exercise("17.1")
def encode_text(answer):
    vocabulary = {"<pad>": 0, "<unk>": 1, "the": 2, "dog": 3, "sees": 4, "cat": 5}
    cases = [
        ("the dog sees the cat", 5, [2, 3, 4, 2, 5], "Each word is replaced by its id."),
        ("the cow sees", 3, [2, 1, 4], "'cow' is not in the vocabulary, so its id is 1."),
        ("dog", 4, [3, 0, 0, 0], "What is missing is filled with 0, at the end."),
        ("the dog sees the cat", 2, [2, 3], "What is too long is cut off at the end."),
        (
            "",
            2,
            [0, 0],
            "A text without words is all padding; an empty list makes a float tensor, so name the dtype.",
        ),
    ]
    for text, length, expected, why in cases:
        found = call(answer, text, dict(vocabulary), length, name="encode_text")
        expect(found, torch.tensor(expected), f"the result for {text!r} and length {length}", why)
    return "This is all that a simple tokenizer does; real ones split words into pieces, so that none is unknown."


@exercise("17.2")
def look_up(answer):
    for ids, size in [
        (torch.tensor([3, 1, 3]), 5),
        (torch.tensor([[0, 1], [2, 0]]), 6),
        (torch.tensor(2), 4),
    ]:
        table = torch.randn(size, 3)
        found = call(answer, ids, table, name="look_up")
        where = f"the result for ids {ids.tolist()} and a table of {size} rows"
        expect(found, table[ids], where, "One row of the table for each id.")
    # 0 times infinity is NaN: a product shows that it has met a row that no id asks for, a lookup does not.
    table = torch.ones(3, 2)
    table[2] = torch.inf
    found = call(answer, torch.tensor([0, 1]), table, name="look_up")
    require(
        isinstance(found, torch.Tensor) and bool(found.isnan().all()),
        "the numbers are right, but picked out of the table; the exercise asks for a product with one-hot vectors, "
        "in which every row takes part.",
    )
    return "All but one row are multiplied by 0: the embedding saves you that work."


@exercise("17.3")
def mean_of_words(answer):
    ids = torch.tensor([[4, 2, 7], [5, 0, 0], [0, 6, 0], [0, 0, 0]])
    vectors = torch.arange(24.0).reshape(4, 3, 2) + 1
    found = call(answer, vectors, ids, name="mean_of_words")
    expected = torch.stack([vectors[0].mean(dim=0), vectors[1, 0], vectors[2, 1], torch.zeros(2)])
    if isinstance(found, torch.Tensor) and found.shape == expected.shape and found.dtype == expected.dtype:
        require(
            not torch.allclose(found, vectors.mean(dim=1)),
            "the result is the mean over all places; the padding counts for nothing, neither in the sum nor in the count.",
        )
        require(
            not torch.isnan(found[3]).any(),
            "a sentence of nothing but padding gives NaN, which is 0 / 0; it should give zeros.",
        )
    for row, words in enumerate(ids.tolist()):
        require(
            isinstance(found, torch.Tensor) and found.shape == expected.shape,
            f"mean_of_words returned {describe(found)}; a tensor of shape (4, 2) is wanted for vectors (4, 3, 2).",
        )
        real = sum(word != 0 for word in words)
        why = (
            f"It has {real} real word{'' if real == 1 else 's'}; the vectors at the padding need not be zero."
        )
        expect(found[row], expected[row], f"the result for the sentence {words}", why)
    expect(found, expected, "the result")
    return "`nn.EmbeddingBag(..., padding_idx=0)` does the same in one step."


@exercise("17.4")
def pack(answer):
    for bags in ([[1, 3, 3], [4]], [[2], [], [5, 6], []], [[7, 8]], [[], [1]]):
        found = call(answer, [list(bag) for bag in bags], name="pack")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"pack({bags}) returned {describe(found)}; ids and offsets are wanted.",
        )
        starts = [sum(map(len, bags[:i])) for i in range(len(bags))]
        ids = torch.tensor([number for bag in bags for number in bag], dtype=torch.int64)
        expect(found[0], ids, f"the ids of pack({bags})", "All bags one after the other.")
        lengths = [len(bag) for bag in bags]
        if isinstance(found[1], torch.Tensor) and found[1].tolist() != starts:
            numbers = found[1].tolist()
            require(
                numbers != lengths,
                f"the offsets of pack({bags}) are the lengths {lengths}; they should say where each bag starts.",
            )
            ends = [start + length for start, length in zip(starts, lengths, strict=True)]
            require(
                numbers != ends,
                f"the offsets of pack({bags}) are {ends}, where each bag ends; they should say where it starts.",
            )
            require(
                numbers != [*starts, ends[-1]],
                f"the offsets of pack({bags}) hold one number more than there are bags; without "
                "include_last_offset the end is not among them.",
            )
        expect(
            found[1],
            torch.tensor(starts),
            f"the offsets of pack({bags})",
            "A bag starts where the one before it ends, also if it is empty.",
        )
    return "No padding: the ids of all bags need no more places than there are words."


@exercise("17.5")
def sparse_step(answer):
    for numbers, lr in [([2, 0], 0.1), ([1, 3, 1, 1], 0.5), ([4], 1.0)]:
        ids, table = torch.tensor(numbers), torch.arange(10.0).reshape(5, 2)
        gradients = torch.arange(1.0, 2 * len(ids) + 1).reshape(-1, 2)
        kept = table.clone()
        try:
            found = answer(table, ids.clone(), gradients.clone(), lr) if callable(answer) else None
        except Exception:
            found = None
        if found is None:
            found = call(answer, table, ids, gradients, lr, name="sparse_step")
        where = f"the new table for ids {numbers} and lr {lr:g}"
        require(
            torch.equal(table, kept),
            "the table that was passed in has changed; work on a copy and return that.",
        )
        expected = table.index_add(0, ids, gradients, alpha=-lr)
        if (
            isinstance(found, torch.Tensor)
            and found.shape == expected.shape
            and len(set(numbers)) < len(numbers)
        ):
            rest = [row for row in range(5) if row != 1]
            require(
                torch.allclose(found[1], expected[1]) or not torch.allclose(found[rest], expected[rest]),
                f"{where} has only one of the three gradients of id 1 in row 1; indexing writes a repeated row once, "
                "it does not add up.",
            )
        expect(found, expected, where, "Row ids[k] moves by -lr * gradients[k]; the other rows stay.")
    return "This is what SGD does with a sparse gradient; the rest of the table is not even read."


@exercise("17.6")
def text_classifier(answer):
    size, width, classes = 9, 4, 3
    model = call(answer, size, width, classes, name="text_classifier")
    require(isinstance(model, nn.Module), f"text_classifier returned {describe(model)}; a module is wanted.")
    ids = torch.tensor([[3, 5, 7], [4, 0, 0]])
    logits = call(model, ids, name="the module")
    expect(
        tuple(getattr(logits, "shape", ())), (2, classes), "the shape of the logits for ids of shape (2, 3)"
    )
    expected = size * width + width * classes + classes
    found = sum(p.numel() for p in model.parameters())
    expect(
        found,
        expected,
        "the number of parameters",
        f"{size} x {width}, then {width} x {classes} and {classes}.",
    )
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    require(len(tables) == 1, f"the module holds {len(tables)} embeddings; one is wanted.")
    table = tables[0].weight
    require(not table[0].any(), "row 0 of the embedding is not zero; name the padding by padding_idx.")
    longer = F.pad(ids, (0, 5))
    expect(
        call(model, longer, name="the module"),
        logits,
        "the logits after five more places of padding",
        "The padding counts for nothing, in the count of the mean as well.",
    )
    expect(
        call(model, ids.flip(1), name="the module"),
        logits,
        "the logits with the words in another order",
        "A mean does not know the order.",
    )
    require(
        not torch.allclose(logits.sum(dim=1), torch.ones(2), atol=1e-5),
        "each row of the result adds up to 1, so these are probabilities; logits are wanted, without a softmax.",
    )
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    require(len(linear) == 1, f"the module holds {len(linear)} linear layers; one is wanted.")
    expect(
        logits[:1],
        F.linear(table[ids[0]].mean(dim=0, keepdim=True), linear[0].weight, linear[0].bias),
        "the logits for a sentence without padding",
        "They should be the linear layer of the mean of its words' rows.",
    )
    model.zero_grad()
    logits.sum().backward()
    require(
        table.grad is not None and table.grad.is_sparse,
        "the embedding's gradient is not sparse; see `sparse`.",
    )
    rows = table.grad.coalesce().to_dense()[0]
    require(
        not rows.any(), "row 0 gets a gradient, so training would move it; name the padding by padding_idx."
    )
    return "With SparseAdam for the embedding and Adam for the linear layer it trains as in the chapter."
