"""Every cheat of a proposer is rejected by each honest validator, by the rule that the table names; the honest block is accepted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from node.demo.mev.cheater import Cheater, Crime, append, wanted_by
from node.demo.mev.cheats import CHEATS, Cheat, named
from node.demo.mev.network import cheating_genesis
from node.failure import Failure
from node.localnet import files
from node.sequencer import errors
from node.store.chain_store import ChainStore
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci
from support import load
from support.app_network import KEPT_VERSIONS, AppNetwork, deposit

CHEATER = 3
PEOPLE = load.traders(6)
MAKER, SECOND_MAKER, TAKER, SECOND_TAKER, DEPOSITOR, ATTACKER = PEOPLE
HEIGHTS_MAX = 30


@dataclass
class Village:
    """Four applications, the last of which cheats as `cheat` says, and traders who quote, cancel, take and deposit in every block."""

    network: AppNetwork
    cheat: Cheat | None = None
    crimes: list[Crime] = field(default_factory=list)
    round: int = 0

    def pool(self) -> list[bytes]:
        """What the traders send for the next block: the quotes of the round before are cancelled, then new ones come."""
        self.round += 1
        self.network._signed.clear()
        cancels = [self.cancel(who, self.round - 1) for who in (MAKER, SECOND_MAKER)]
        quotes = [
            self.network.short_term(who, is_buy=is_buy, ticks=-distance if is_buy else distance, client_id=2 * self.round + is_buy)
            for who, distance in ((MAKER, 1), (SECOND_MAKER, 2))
            for is_buy in (True, False)
        ]
        takers = [
            self.network.short_term(who, is_buy=is_buy, ticks=5 if is_buy else -5, client_id=self.round, steps=2, time_in_force=1)
            for who, is_buy in ((TAKER, True), (SECOND_TAKER, False))
        ]
        return [*takers, *quotes, *cancels, self.network.sign(DEPOSITOR, deposit(DEPOSITOR, 5))]

    def cancel(self, who: load.Trader, round_: int) -> bytes:
        """The bid of that round is cancelled."""
        order = load.Order(who, self.network.markets[0], True, 1, 1, 2 * round_ + 1, load.REST)
        return self.network.sign(who, load.cancel_message(order, flags=load.SHORT_TERM, good_til=self.network.height + 20), sequence=0)

    def rejections(self, number: int, rule: str, name: str = "proposals_rejected_total") -> float:
        """What an application's metrics say of rejections of the cheater's blocks by that rule."""
        labels = {"rule": rule, "proposer": self.network.chain.validators[CHEATER].address.hex()}
        return self.network.apps[number].metrics.registry.get_sample_value(f"perpd_{name}", labels) or 0.0

    def height(self, pool: list[bytes]) -> Crime | None:
        """One height: the crime, if its proposer cheated; then all have rejected that block, and decided an honest one from the pool."""
        chain = self.network.chain
        before = len(self.crimes)
        proposed = chain.prepare(pool)
        if len(self.crimes) == before:
            assert all(chain.process(proposed))
            chain.extend(proposed)
            self.network.decide(proposed)
            return None
        crime = self.crimes[-1]
        assert proposed == list(crime.block)
        assert chain.proposer(chain.height + 1) == CHEATER
        counts = [self.rejections(number, crime.cheat.rule) for number in range(CHEATER)]
        assert chain.process(proposed) == [False, False, False, True]
        assert [self.rejections(number, crime.cheat.rule) for number in range(CHEATER)] == [count + 1 for count in counts]
        honest = chain.prepare(pool, proposer=0)
        assert honest == list(crime.honest)
        assert all(chain.process(honest))
        chain.extend(honest)
        self.network.decide(honest)
        return crime


def cheater_at(directory: Path, village: Village) -> Cheater:
    """The application that cheats, on a database of its own."""
    wiring = Wiring()
    directory.mkdir()
    return Cheater(
        ChainStore(directory, wiring.registry.stores, KEPT_VERSIONS),
        wiring,
        secret=ATTACKER.private_key,
        wanted=lambda: village.cheat,
        note=village.crimes.append,
        prices=lambda: village.network.prices,
    )


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """All cheats are tried on one chain, one after the other."""
    directory = tmp_path_factory.mktemp("village")
    network = AppNetwork(directory, 4, people=PEOPLE, state=load.with_traders(cheating_genesis(), PEOPLE))
    found = Village(network)
    network.apps[CHEATER].store.close()
    network.apps[CHEATER] = network.chain.apps[CHEATER] = cheater_at(directory / "cheater", found)
    network.chain.start()
    try:
        found.height([])
        yield found
        network.assert_sound()
    finally:
        network.close()


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.name)
def test_a_cheating_block_is_rejected_by_its_rule_and_the_honest_one_accepted(village: Village, cheat: Cheat) -> None:
    """Twice each; the chain goes on from the honest block, on the cheater's own application too."""
    village.cheat = cheat
    crimes = 0
    for _ in range(HEIGHTS_MAX):
        crime = village.height(village.pool())
        if crime is not None:
            crimes += 1
            assert crime.cheat is cheat
            assert crime.block != crime.honest
            at = village.rejections(0, cheat.rule, "last_rejected_position")
            assert 0 <= at < len(crime.block)
            assert (at == 0) == (cheat.rule == "a"), "what is wrong is named by its position"
        if crimes == 2:
            break
    village.cheat = None
    assert crimes == 2, f"{cheat.name} found nothing to cheat with"


def test_the_table_breaks_every_rule_of_admission() -> None:
    """One cheat at least for each rule id that there is."""
    rules = {one.id for one in vars(errors).values() if isinstance(one, errors.Rule)}
    assert {cheat.rule for cheat in CHEATS} == rules


def test_without_material_the_cheater_is_honest(village: Village) -> None:
    """From an empty pool there is nobody's order to put one's own around, no cancel and no deposit: the proposal is the honest one."""
    for cheat in CHEATS:
        if cheat.needs.startswith(("a taker", "a cancel", "a deposit")):
            village.cheat = cheat
            for _ in range(4):
                assert village.height([]) is None
    village.cheat = None


def test_a_sandwich_that_the_lot_allows_is_no_cheat(village: Village) -> None:
    """With one victim alone in its lane the attacker's first order comes before it about every second time: that proposal is honest."""
    village.cheat = named("sandwich")
    turns = {"cheated": 0, "honest": 0}
    for _ in range(4 * HEIGHTS_MAX):
        village.round += 1
        victim = village.network.short_term(TAKER, is_buy=True, ticks=5, client_id=village.round, time_in_force=1)
        mine = village.network.chain.proposer(village.network.height + 1) == CHEATER
        crime = village.height([victim])
        if mine:
            turns["honest" if crime is None else "cheated"] += 1
        if all(turns.values()):
            break
    village.cheat = None
    assert all(turns.values()), turns


def test_another_block_of_the_cheater_is_judged_as_anyone_s(village: Village) -> None:
    """It accepts only the very block that it made last: whoever else cheats, it rejects."""
    village.cheat = named("quota")
    while (crime := village.height(village.pool())) is None:
        pass
    village.cheat = None
    chain = village.network.chain
    accept = abci.ResponseProcessProposal.ACCEPT
    for txs in (list(crime.block), [*chain.prepare([], proposer=0), b"\x00"]):
        village.network.apps[CHEATER].prepare_proposal(abci.RequestPrepareProposal(height=chain.height + 1, max_tx_bytes=10**6))
        assert village.network.apps[CHEATER].process_proposal(chain.process_request(txs)).status != accept


def test_the_control_file_names_a_cheat_and_the_record_says_what_was_tried(tmp_path: Path) -> None:
    """No file, or an empty name, is honesty; a name that is none is an error; a line per crime holds its hashes."""
    control = tmp_path / "cheat.json"
    assert wanted_by(control) is None
    files.write_json(control, {"cheat": ""})
    assert wanted_by(control) is None
    files.write_json(control, {"cheat": "sandwich"})
    assert wanted_by(control) is named("sandwich")
    files.write_json(control, {"cheat": "kindness"})
    with pytest.raises(Failure, match="there is no cheat kindness; there are sandwich, "):
        wanted_by(control)
    crime = Crime(7, named("twice"), [b"a", b"b"], [b"a"])
    append(tmp_path / "cheats.jsonl", crime)
    assert files.read_json(tmp_path / "cheats.jsonl") == {
        "height": 7,
        "cheat": "twice",
        "rule": "d",
        "txs": [sha256(b"a").hexdigest(), sha256(b"b").hexdigest()],
        "added": [sha256(b"b").hexdigest()],
        "bytes": 6,
    }
