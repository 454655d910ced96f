"""What one node prepares every other accepts, and it is full: processes of their own, with other pools, hash seeds and caches."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from node.sequencer.errors import BLOCK_BYTES, BLOCK_COUNT, QUOTA, Refusal
from node.votes.preamble import encode
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.chain import ABSENT, SECOND, Chain, Validator, make_validators
from support.exchange import DOLLAR, TRADERS, genesis, open_app, quick_directory
from support.left_out import Judge, bytes_in_block
from support.random_pools import RandomPools
from support.remote_app import RemoteApp

CHAIN_ID = "coherence-1"
NAMES = (*TRADERS, "frank", "grace", "heidi")
HEIGHTS = 8
ROOM_BYTES = (0, 150, 500, 3_000, 9_000, 2**22, 2**22, 2**22)
"""What the engine offers beyond the smallest preamble."""
POWERS = (10, 10, 2)
"""The last one is the application of this process: its vote may be left out, which makes a preamble smallest, or be absent or garbage."""
LIMITS: dict[str, dict[str, Any]] = {
    "default": {},
    "quota": {"quota_per_account_and_lane": 2},
    "count": {"max_block_txs": 7},
    "bytes": {"max_block_bytes": 16 * 1024, "max_tx_bytes": 2_500, "max_vote_extension_bytes": 500, "max_memo_bytes": 1_000},
    "shares": {
        "max_block_bytes": 16 * 1024,
        "max_tx_bytes": 1_200,
        "max_vote_extension_bytes": 500,
        "quota_per_account_and_lane": 5,
        "lane_byte_share_ppm": [0, 980_000, 1, 0, 19_999],
    },
}

LIMIT_MET = {"quota": ["f quota"], "count": ["f count"], "shares": ["f quota"]}
"""What must have been a reason besides."""


class Network:
    """Two applications in processes of their own and one here, which all validate; each has a mempool of its own."""

    def __init__(self, stack: ExitStack, directory: Path, limits: dict[str, Any], seed: int) -> None:
        collateral = dict.fromkeys(NAMES[:6], 100_000 * DOLLAR)
        state = genesis(NAMES, collateral=collateral, consensus={"sequencer": limits} if limits else {})
        prices = {market["id"]: int(market["price"]) for market in state["oracle"]["markets"]}
        self.remotes = [RemoteApp(directory / str(number), prices, hash_seed) for number, hash_seed in enumerate((1, 4_242))]
        for remote in self.remotes:
            stack.callback(remote.close)
        self.here = open_app(directory / "here", prices)
        stack.callback(self.here.store.close)
        self.random = Random(seed)
        validators = [Validator(one.key, power) for one, power in zip(make_validators(3), POWERS, strict=True)]
        self.chain = Chain([*self.remotes, self.here], validators, CHAIN_ID, json.dumps(state).encode())
        for remote in self.remotes:
            remote.wait()
        self.chain.start()
        self.pools = RandomPools(self.here, NAMES, seed, CHAIN_ID)
        self.seen: Counter[str] = Counter()

    @property
    def next_time_ns(self) -> int:
        return self.chain.time_ns + self.chain.block_seconds_ns

    def judge(self) -> Judge:
        return Judge(self.here, self.next_time_ns, self.chain.app_hash)

    def smallest_preamble(self) -> int:
        """Bytes in a block of the preamble that leaves out the vote that can be spared; 0 where there is none."""
        if self.chain.extended is None:
            return 0
        commit = abci.ExtendedCommitInfo()
        commit.CopyFrom(self.chain.extended)
        small = min(commit.votes, key=lambda vote: vote.validator.power)
        small.block_id_flag = ABSENT
        small.vote_extension = small.extension_signature = b""
        return bytes_in_block([encode(commit)])

    def step(self) -> None:
        """One height: every application proposes from its own pool, and everybody judges each; the proposer's block is decided."""
        chain, random = self.chain, self.random
        chain.block_seconds_ns = random.choice((SECOND, 2 * SECOND + 7, 11 * SECOND))
        library = self.pools.library(chain.height + 1, self.next_time_ns)
        pools = [self.pools.pool(library) for _ in chain.apps]
        for raw in pools[0]:  # one is warm, all others are cold
            self.remotes[0].check_tx(raw, False)
        smallest = self.smallest_preamble()
        proposals = []
        for number, pool in enumerate(pools):
            chain.max_tx_bytes = smallest + random.choice(ROOM_BYTES)
            proposals.append(self.propose(number, pool))
        self.refuse_too_little(pools[0], smallest)
        decided = proposals[chain.proposer(chain.height + 1)]
        late, forged = random.choice((((), {}), ((2,), {}), ((), {2: random.randbytes(3_000)}), ((), {2: b"garbage"})))
        chain.extend(decided, silent=late, forged=forged)
        chain.decide(decided)
        for raw in pools[0]:
            if raw not in decided:
                self.remotes[0].check_tx(raw, True)

    def propose(self, number: int, pool: list[bytes]) -> list[bytes]:
        """The block that this application makes of its pool: all others accept it, would have made the same, and nothing more fits in."""
        chain = self.chain
        block = chain.prepare(pool, proposer=number)
        assert bytes_in_block(block) <= chain.max_tx_bytes
        assert chain.process(block) == [True] * len(chain.apps), "what a correct node prepared was rejected"
        for other in range(len(chain.apps)):
            assert chain.prepare(pool, proposer=other) == block, "another process makes another block of the same pool"
        first = 0 if chain.extended is None else 1
        if len(block) > first + 1:
            assert not any(chain.process([*block[:first], *reversed(block[first:])])), "any order was accepted"
        judge = self.judge()
        assert 2 * judge.admissible(pool) >= len(pool)
        self.assert_full(block, first, pool, judge)
        return block

    def assert_full(self, block: list[bytes], first: int, pool: Sequence[bytes], judge: Judge) -> None:
        """Whatever is left out breaks a rule that can be seen from the block, and it is the rule that the proposer names."""
        limit = self.chain.max_tx_bytes
        made = judge.prepare(pool, limit, self.chain.extended)
        assert made.txs == block
        due = {position for position, raw in enumerate(pool) if raw not in block[first:] or pool.index(raw) != position}
        assert set(made.left_out) == due
        inside, reasons = set(block[first:]), {}
        for position in sorted(due):
            raw, named = pool[position], made.left_out[position]
            if named.rule.id == "d":
                assert raw in pool[:position]
                self.seen["d"] += 1
                continue
            assert raw not in inside
            if raw not in reasons:
                reasons[raw] = judge.reasons(block, first, raw, limit)
            true = [reason for reason in reasons[raw] if reason.startswith(_name(named))]
            assert true, f"left out for {named.rule.id} ({named.detail}), but it is {reasons[raw]}"
            self.seen.update(true)

    def refuse_too_little(self, pool: Sequence[bytes], smallest: int) -> None:
        """Where not even a preamble fits, no block is valid: an empty one is proposed without complaint, and rejected by all."""
        chain = self.chain
        if not smallest:
            chain.max_tx_bytes = 0
            assert chain.prepare(pool) == []
            assert chain.process([]) == [True] * len(chain.apps)
            return
        for limit in (0, 1, smallest - 1):
            chain.max_tx_bytes = limit
            assert chain.prepare(pool) == []
        assert chain.process([]) == [False] * len(chain.apps)


def _name(named: Refusal) -> str:
    """The proposer's word, as the judge says it."""
    limits = {QUOTA: "f quota", BLOCK_COUNT: "f count", BLOCK_BYTES: "f bytes"}
    return limits.get(named.rule, named.rule.id)


@contextmanager
def running(limits: dict[str, Any], seed: int) -> Iterator[Network]:
    """A network that has begun; all of it has ended at the end."""
    with quick_directory() as directory, ExitStack() as stack:
        yield Network(stack, directory, limits, seed)


@pytest.mark.parametrize(("seed", "name"), [*enumerate(LIMITS)])
def test_what_one_process_prepares_every_other_accepts_and_it_is_full(seed: int, name: str) -> None:
    """Eight heights under these limits; in the midst one process is killed and another one goes on with a cold cache."""
    with running(LIMITS[name], seed) as network:
        for height in range(HEIGHTS):
            network.step()
            if height == HEIGHTS // 2:
                network.remotes[height % 2].restart(hash_seed=77)
        succeeded = [result for block in network.chain.blocks for result in block.results if not result.code]
    met = set(network.seen) | {"succeeded"} if len(succeeded) > HEIGHTS else set()
    assert met >= {"succeeded", "b1", "b2", "b3", "b4", "b5 gap", "b5 rival", "b5 nonce", "c", "d", "f bytes", *LIMIT_MET.get(name, ())}
