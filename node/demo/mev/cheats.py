"""What a proposer may try: each cheat makes, from the block that it should propose, one that it would rather see decided.

Every one breaks a rule of admission, (a) to (f) of node/sequencer, so that all others reject it with that rule's id.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

from modules.auth.model import address_of_key
from modules.kernel import address as addresses
from node.client import messages
from node.demo.mev.material import Material, cancelled_by, orders_of
from node.failure import Failure
from node.sequencer.lanes import CANCEL, MARGIN_ADD, TAKER
from node.tx.envelope import Tx
from node.tx.signature import public_key_of
from node.tx.signer import auth_info_bytes, body_bytes, seal, sign_tx
from node.votes import extension, preamble
from perpd_proto.cosmos.base.v1beta1 import coin_pb2
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2

Make = Callable[[Material], list[bytes] | None]
"""The cheating block, or None where this proposal has nothing to cheat with."""

_COMMIT = validator_pb2.BLOCK_ID_FLAG_COMMIT
STOLEN_QUOTE = 1_000 * 10**6
PRICE_FACTOR_PERCENT = 150
POWER_FACTOR = 10
MEMO_ROOM_BYTES = 1_024
"""What an order's transaction needs besides its memo, generously."""


class Cheat(NamedTuple):
    """One way to cheat."""

    name: str
    title: str
    rule: str
    """Id of the rule that it breaks."""
    needs: str
    """What others must have sent; empty if the proposer can do it alone."""
    make: Make


# Order: who stands where


def sandwich(material: Material) -> list[bytes] | None:
    """Buy what the victim wants to buy, let the victim's order rest at its limit, sell to it. None where the lot falls so by itself:
    then it is no cheat.
    """
    for victim in material.victims(TAKER):
        orders = orders_of(victim)
        if not orders:
            continue
        front, back = material.taker(1, orders[0]), material.taker(2, orders[0], opposite=True)
        place = material.raw.index(victim.raw)
        txs = [*material.raw[:place], front, victim.raw, back, *material.raw[place + 1 :]]
        if not material.is_canonical(txs):
            return material.block(*txs)
    return None


def taker_before_cancel(material: Material) -> list[bytes] | None:
    """Hit a quote just before its cancel counts."""
    for victim in material.victims(CANCEL):
        for order_id in cancelled_by(victim):
            quote = material.placed(order_id)
            if quote is not None:
                return material.block(material.taker(1, quote, opposite=True), *material.raw)
    return None


def late_margin(material: Material) -> list[bytes] | None:
    """Hold a victim's deposit back until liquidations and takers are through."""
    for victim in material.victims(MARGIN_ADD):
        others = [tx for tx in material.honest if tx is not victim]
        added = () if any(tx.lane == TAKER for tx in others) else (material.taker(1),)
        return material.block(*(tx.raw for tx in others), *added, victim.raw)
    return None


# The preamble: whose votes count


def drop_preamble(material: Material) -> list[bytes] | None:
    """Without votes the price stands still."""
    return material.raw if material.preamble else None


def duplicate_vote(material: Material) -> list[bytes] | None:
    """One validator's vote in the place of another's."""

    def change(commit: abci.ExtendedCommitInfo, voted: list[int]) -> bool:
        if len(voted) > 1:
            commit.votes[voted[1]].CopyFrom(commit.votes[voted[0]])
        return len(voted) > 1

    return _with_commit(material, change)


def inflate_power(material: Material) -> list[bytes] | None:
    """The proposer's own vote weighs as much as those of ten."""

    def change(commit: abci.ExtendedCommitInfo, voted: list[int]) -> bool:
        own = next((place for place in voted if commit.votes[place].validator.address == material.proposer), voted[0] if voted else None)
        if own is not None:
            commit.votes[own].validator.power *= POWER_FACTOR
        return own is not None

    return _with_commit(material, change)


def alter_price(material: Material) -> list[bytes] | None:
    """Another validator is made to report half as much again for every market."""

    def change(commit: abci.ExtendedCommitInfo, voted: list[int]) -> bool:
        victim = next((place for place in voted if commit.votes[place].validator.address != material.proposer), None)
        if victim is None:
            return False
        vote = commit.votes[victim]
        limit = material.params.max_vote_extension_bytes
        prices = dict(extension.parse(vote.vote_extension, limit) or ()) or {0: 1}
        vote.vote_extension = extension.encode({one: price * PRICE_FACTOR_PERCENT // 100 + 1 for one, price in prices.items()}, limit)
        return True

    return _with_commit(material, change)


def old_votes(material: Material) -> list[bytes] | None:
    """The votes of the block before once more: yesterday's price."""
    if not material.preamble or not material.old_preamble or material.old_preamble == material.preamble:
        return None
    return material.block(*material.raw, preamble=material.old_preamble)


def _with_commit(material: Material, change: Callable[[abci.ExtendedCommitInfo, list[int]], bool]) -> list[bytes] | None:
    """The honest block under another preamble. `change` gets the commit and the places of those who voted for the block."""
    if not material.preamble:
        return None
    commit = abci.ExtendedCommitInfo()
    commit.CopyFrom(material.commit)
    voted = [place for place, vote in enumerate(commit.votes) if vote.block_id_flag == _COMMIT]
    return material.block(*material.raw, preamble=preamble.encode(commit)) if change(commit, voted) else None


# Admission: what may stand in a block at all


def malformed(material: Material) -> list[bytes] | None:
    """A signed transaction under a second hash: one more field behind the signature, which nobody signed."""
    original = next((tx.raw for tx in material.honest if tx.signer != material.attacker.address), None) or material.taker(1)
    return material.honest_and(original + b"\x22\x00")


def unknown_account(material: Material) -> list[bytes] | None:
    """An order of an account that does not exist, and so could never pay."""
    secret = sha256(material.attacker.secret + b"nobody").digest()
    nobody = addresses.to_text(address_of_key(public_key_of(secret)))
    sent = messages.deposit(nobody, 0, STOLEN_QUOTE)
    return material.honest_and(sign_tx(secret, [sent], account_number=0, sequence=0, chain_id=material.attacker.chain_id))


def forged(material: Material) -> list[bytes] | None:
    """A victim's collateral goes to the attacker, in the victim's name and under its key, but signed by the attacker."""
    for victim in material.strangers():
        sent = messages.transfer(addresses.to_text(victim.signer), 0, material.attacker.text, 0, STOLEN_QUOTE)
        raw = seal(
            material.attacker.secret,
            body_bytes([sent]),
            auth_info_bytes(victim.public_key, 0),
            account_number=material.attacker.number,
            chain_id=material.attacker.chain_id,
        )
        return material.honest_and(raw)
    return None


def replayed(material: Material) -> list[bytes] | None:
    """A victim's short-term order enters the chain a second time, as it was signed, before its good-til-block."""
    for victim in _old_of_others(material):
        if victim.good_til_blocks and min(victim.good_til_blocks) >= material.height:
            return material.honest_and(victim.raw)
    return None


def expired(material: Material) -> list[bytes] | None:
    """An order kept back until its good-til-block had passed: its price is an old one."""
    if material.height < 2:
        return None
    return material.honest_and(material.attacker.sign(material.order(1, good_til_block=material.height - 1)))


def paid_twice(material: Material) -> list[bytes] | None:
    """A victim's ordinary transaction once more: its sequence is used."""
    for victim in _old_of_others(material):
        if not victim.good_til_blocks and not victim.has_timestamp_nonce:
            return material.honest_and(victim.raw)
    return None


def _old_of_others(material: Material) -> Iterator[Tx]:
    """Decided transactions of others whose timeout height has not passed: that would be another rule."""
    for tx in material.old:
        if tx.signer != material.attacker.address and not 0 < tx.timeout_height < material.height:
            yield tx


def omit_predecessor(material: Material) -> list[bytes] | None:
    """The second of two transactions of one account, without the first."""
    own = material.attacker
    return material.honest_and(own.sign(messages.deposit(own.text, 0, 1), sequence=own.sequence + 1))


def internal_message(material: Material) -> list[bytes] | None:
    """A message of the reference's governance that moves a victim's money; here nobody may send it."""
    own = material.attacker
    for victim in material.strangers():
        stolen = transfer_pb2.MsgSendFromAccountToAccount(
            authority=own.text,
            sender=addresses.to_text(victim.signer),
            recipient=own.text,
            coin=coin_pb2.Coin(denom="adydx", amount=str(STOLEN_QUOTE)),
        )
        return material.honest_and(own.sign(stolen, sequence=own.sequence))
    return None


def twice(material: Material) -> list[bytes] | None:
    """The same order two times in one block: a victim's if there is one."""
    for victim in material.honest:
        if victim.good_til_blocks and victim.signer != material.attacker.address:
            return material.honest_and(victim.raw)
    own = material.taker(1)
    return material.honest_and(own, own)


def quota(material: Material) -> list[bytes] | None:
    """More orders of one account than its lane takes."""
    return material.honest_and(*(material.taker(number) for number in range(material.params.quota_per_account_and_lane + 1)))


def size(material: Material) -> list[bytes] | None:
    """More bytes than a block takes: orders with memos as long as a transaction may be. None where that needs more than the quota."""
    memo = "x" * (material.params.max_tx_bytes - MEMO_ROOM_BYTES)
    count = material.params.max_block_bytes // len(memo) + 1
    if count > material.params.quota_per_account_and_lane:
        return None
    return material.honest_and(*(material.taker(number, memo=memo) for number in range(count)))


CHEATS: tuple[Cheat, ...] = (
    Cheat("sandwich", "puts its own orders around a victim's", "e", "a taker order", sandwich),
    Cheat("taker_before_cancel", "hits a quote before its cancel", "e", "a cancel of a quote placed before", taker_before_cancel),
    Cheat("late_margin", "holds a deposit back until after the takers", "e", "a deposit", late_margin),
    Cheat("drop_preamble", "leaves out all votes on the price", "a", "", drop_preamble),
    Cheat("duplicate_vote", "counts one vote twice", "a", "", duplicate_vote),
    Cheat("inflate_power", "gives its own vote ten times its power", "a", "", inflate_power),
    Cheat("alter_price", "changes the price in another's vote", "a", "", alter_price),
    Cheat("old_votes", "uses the votes of the block before again", "a", "", old_votes),
    Cheat("malformed", "gives a signed transaction a second hash", "b1", "", malformed),
    Cheat("unknown_account", "lets an account act that does not exist", "b2", "", unknown_account),
    Cheat("forged", "moves a victim's money with its own signature", "b3", "any transaction of a victim", forged),
    Cheat("replayed", "executes a victim's old order again", "b4", "a short-term order some blocks ago", replayed),
    Cheat("expired", "includes an order after its good-til-block", "b4", "", expired),
    Cheat("paid_twice", "executes a victim's deposit again", "b5", "an ordinary transaction some blocks ago", paid_twice),
    Cheat("omit_predecessor", "leaves out the transaction that must come first", "b5", "", omit_predecessor),
    Cheat(
        "internal_message", "moves a victim's money by a message that is for nobody", "c", "any transaction of a victim", internal_message
    ),
    Cheat("twice", "includes one order two times", "d", "", twice),
    Cheat("quota", "exceeds an account's quota", "f", "", quota),
    Cheat("size", "exceeds the size of a block", "f", "", size),
)


def named(name: str) -> Cheat:
    """The cheat of that name. Raises Failure."""
    for cheat in CHEATS:
        if cheat.name == name:
            return cheat
    raise Failure(f"there is no cheat {name}; there are {', '.join(cheat.name for cheat in CHEATS)}.")
