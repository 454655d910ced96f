"""The Merkle crit-bit tree against vectors, a literal reference and its own promises."""

import gc
import json
import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.store import tree
from support.critbit_reference import reference_root, tree_blocks, tree_keys, tree_maps

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "critbit.json").read_text())


def final_map(blocks: list[dict[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """What a reader sees after `blocks`."""
    pairs: dict[bytes, bytes] = {}
    for block in blocks:
        for key, value in block.items():
            if value is None:
                pairs.pop(key, None)
            else:
                pairs[key] = value
    return pairs


def build_map(pairs: dict[bytes, bytes]) -> tree.Node | None:
    """The tree of `pairs`, built afresh."""
    return tree.build(sorted(pairs.items()))


def nodes_of(root: tree.Node | None) -> list[tree.Node]:
    """Every node, parents before children."""
    found: list[tree.Node] = []
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, tree.Inner):
            waiting += (node.left, node.right)
    return found


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_roots_equal_the_vectors_after_every_block(case: dict[str, Any]) -> None:
    """Each block's net writes give the recorded root."""
    root: tree.Node | None = None
    for block, expected in zip(case["blocks"], case["roots"], strict=True):
        net = {bytes.fromhex(op[1]): bytes.fromhex(op[2]) if op[0] == "set" else None for op in block}
        root = tree.apply(root, list(net.items()))
        assert tree.root_hash(root).hex() == expected


@given(tree_maps)
def test_a_fresh_build_equals_the_literal_reference(pairs: dict[bytes, bytes]) -> None:
    """The streaming builder finds the same splits as the rule written out on bit strings."""
    assert tree.root_hash(build_map(pairs)) == reference_root(pairs)


@given(tree_blocks)
def test_applied_blocks_equal_a_fresh_build_and_leave_old_roots_valid(blocks: list[dict[bytes, bytes | None]]) -> None:
    """After each block the root is that of the resulting map, and every earlier root still holds its own leaves and hashes."""
    root: tree.Node | None = None
    history: list[tuple[tree.Node | None, dict[bytes, bytes]]] = [(None, {})]
    for count, block in enumerate(blocks, start=1):
        root = tree.apply(root, list(block.items()))
        history.append((root, final_map(blocks[:count])))
    for old_root, pairs in history:
        assert tree.root_hash(old_root) == reference_root(pairs)
        assert [leaf.key for leaf in tree.iterate_leaves(old_root)] == sorted(pairs)
        rebuilt = build_map(pairs)
        assert [(node.key, node.digest) for node in nodes_of(old_root)] == [(node.key, node.digest) for node in nodes_of(rebuilt)]


@given(tree_maps, st.randoms(use_true_random=False))
def test_the_order_of_writes_and_the_cut_into_blocks_do_not_matter(pairs: dict[bytes, bytes], rng: random.Random) -> None:
    """Any permutation in any number of blocks gives one root."""
    writes: list[tree.Write] = list(pairs.items())
    rng.shuffle(writes)
    cut = rng.randint(0, len(writes))
    assert tree.root_hash(tree.apply(tree.apply(None, writes[:cut]), writes[cut:])) == tree.root_hash(build_map(pairs))


@given(tree_maps, st.lists(tree_keys, unique=True))
def test_writes_that_change_nothing_return_the_same_root_object(pairs: dict[bytes, bytes], others: list[bytes]) -> None:
    """Equal values and deletes of absent keys copy no node."""
    root = build_map(pairs)
    writes: list[tree.Write] = [*pairs.items(), *((key, None) for key in others if key not in pairs)]
    assert tree.apply(root, writes) is root


def test_the_longest_possible_path_is_merged_and_walked() -> None:
    """520 levels, one for each bit of a position, are within reach of the recursion."""
    key_of: Callable[[int], bytes] = lambda bit: (1 << bit).to_bytes(64, "big")
    keys = [b"\0" * 64, *(key_of(bit) for bit in range(512))]
    keys += [b"\0" * length for length in range(1, 64)]
    keys += [key[:-1] for key in keys if len(key) == 64 and key[-1] == 0]
    pairs = dict.fromkeys(sorted(set(keys)), b"1")
    root = tree.apply(None, [(key, b"0") for key in pairs])
    root = tree.apply(root, list(pairs.items()))
    assert tree.root_hash(root) == tree.root_hash(build_map(pairs))
    path = tree.get_path(root, b"\0" * 64)
    assert path is not None
    assert len(path.steps) > 512
    assert tree.apply(root, [(key, None) for key in pairs]) is None


@given(tree_maps, tree_keys)
def test_paths_and_neighbours_are_those_of_the_sorted_keys(pairs: dict[bytes, bytes], key: bytes) -> None:
    """A present key has a path, an absent one the two keys around it; steps lead where they say."""
    root = build_map(pairs)
    path = tree.get_path(root, key)
    assert (path is not None) == (key in pairs)
    found = [path] if path is not None else list(tree.get_neighbours(root, key))
    if path is None:
        below = max((held for held in pairs if held < key), default=None)
        above = min((held for held in pairs if held > key), default=None)
        assert [None if way is None else way.leaf.key for way in found] == [below, above]
    for way in found:
        if way is None:
            continue
        node = root
        for step in way.steps:
            assert node is step.inner
            node = step.inner.right if step.went_right else step.inner.left
        assert node is way.leaf


def test_neighbours_of_a_present_key_are_refused() -> None:
    """Asking for the gap at a key that is there is a bug of the caller."""
    with pytest.raises(AssertionError, match="present"):
        tree.get_neighbours(tree.build([(b"a", b"1")]), b"a")


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_keys_outside_1_to_64_bytes_are_refused(key: bytes) -> None:
    """The shape is defined for positions of 64 bytes and a length."""
    with pytest.raises(AssertionError, match="1 to 64"):
        tree.apply(None, [(key, b"v")])


def test_a_key_written_twice_in_one_block_is_refused() -> None:
    """Writes are the final ones; two for one key have no order."""
    with pytest.raises(AssertionError, match="twice"):
        tree.apply(None, [(b"a", b"1"), (b"b", b"2"), (b"a", None)])


def test_pairs_out_of_order_are_refused_by_the_builder() -> None:
    """Bulk load wants ascending keys."""
    with pytest.raises(AssertionError, match="out of order"):
        tree.build([(b"b", b"1"), (b"a", b"2")])


def test_each_new_node_is_hashed_exactly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block costs two hashes per written leaf and one per new inner node, and the counter tells the truth."""
    rng = random.Random(7)
    keys = sorted({rng.randbytes(20) for _ in range(4000)})
    root = tree.build((key, b"old") for key in keys)
    old = {id(node) for node in nodes_of(root)}
    changed: list[tree.Write] = [(key, b"new") for key in rng.sample(keys, 300)]
    changed += [(rng.randbytes(20), b"new") for _ in range(100)]
    calls = 0

    def counted(data: bytes) -> Any:
        nonlocal calls
        calls += 1
        return sha256(data)

    monkeypatch.setattr(tree, "sha256", counted)
    before = tree.hashes_done()
    after = tree.apply(root, changed)
    new = [node for node in nodes_of(after) if id(node) not in old]
    leaves = sum(isinstance(node, tree.Leaf) for node in new)
    assert leaves == 400
    assert calls == tree.hashes_done() - before == 2 * leaves + (len(new) - leaves)


def test_deletes_hash_only_the_paths_that_remain() -> None:
    """Removing leaves costs one hash per renewed inner node and none for what is gone."""
    keys = [number.to_bytes(4, "big") for number in range(1024)]
    root = tree.build((key, b"v") for key in keys)
    before = tree.hashes_done()
    tree.apply(root, [(keys[0], None)])
    assert tree.hashes_done() - before == 9, "ten levels, of which the lowest vanishes"
    before = tree.hashes_done()
    tree.apply(root, [(key, None) for key in keys[:512]])
    assert tree.hashes_done() == before, "the other half is the new root as it stands"


def test_blocks_leave_no_cyclic_garbage() -> None:
    """Dropped roots are freed by reference counts alone, so the node may run with the collector off."""
    rng = random.Random(11)
    root: tree.Node | None = None
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            root = tree.apply(root, [(key, rng.choice([None, b"v"])) for key in {rng.randbytes(2) for _ in range(50)}])
        assert gc.collect() == 0
    finally:
        gc.enable()
