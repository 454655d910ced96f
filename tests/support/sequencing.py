"""A sequencer on real modules and an in-memory state: signers, the messages of every lane, and blocks to judge."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from modules.auth.model import address_of_key
from modules.consensus.model import DEFAULT_PARAMS, EngineParams, SequencerParams
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.units import Address
from node.sequencer.admission import Admission, Sources, admit
from node.sequencer.prepare import Proposal, prepare
from node.sequencer.process import Verdict, process
from node.store.state import LiveState
from node.tx.cache import TxCache
from node.tx.envelope import Decoder, Tx
from node.tx.router import Router
from node.tx.signature import public_key_of
from node.tx.signer import sign_tx
from node.votes.preamble import LastCommit, commit_of, sign_bytes
from node.wiring import Wiring
from perpd_proto.cosmos.bank.v1beta1 import tx_pb2 as bank
from perpd_proto.dydxprotocol.clob import tx_pb2 as clob
from perpd_proto.dydxprotocol.sending import transfer_pb2
from perpd_proto.dydxprotocol.sending import tx_pb2 as sending
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.types import validator_pb2

CHAIN_ID = "perp-1"
HEIGHT = 50
TIME_NS = 1_700_000_000_000_000_000
TIME_MS = 1_700_000_000_000
APP_HASH = sha256(b"app hash").digest()
SHORT_TERM = 0
LONG_TERM = 64
POST_ONLY = 2
COMMIT = validator_pb2.BLOCK_ID_FLAG_COMMIT
ABSENT = validator_pb2.BLOCK_ID_FLAG_ABSENT
NIL = validator_pb2.BLOCK_ID_FLAG_NIL
NO_COMMIT = LastCommit(0, ())
NO_EXTENDED_COMMIT = abci.ExtendedCommitInfo()


@dataclass(frozen=True)
class Signer:
    """An account with its key."""

    name: str

    @property
    def private_key(self) -> bytes:
        return sha256(b"signer " + self.name.encode()).digest()

    @property
    def public_key(self) -> bytes:
        return public_key_of(self.private_key)

    @property
    def address(self) -> Address:
        return address_of_key(self.public_key)

    @property
    def text(self) -> str:
        return addresses.to_text(self.address)


ALICE, BOB, CAROL, DAVE = Signer("alice"), Signer("bob"), Signer("carol"), Signer("dave")
EVERYONE = (ALICE, BOB, CAROL, DAVE)
STRANGER = Signer("stranger")
"""Has a key and no account."""


def place(
    who: Signer,
    client_id: int = 1,
    *,
    flags: int = SHORT_TERM,
    time_in_force: int = 0,
    good_til_block: int = HEIGHT + 10,
    good_til_time: int = 1_700_001_000,
) -> Any:
    """A limit order: lane 4, or lane 3 where it is post-only."""
    message = clob.MsgPlaceOrder()
    order = message.order
    order.order_id.subaccount_id.owner = who.text
    order.order_id.client_id = client_id
    order.order_id.order_flags = flags
    order.side = 1
    order.quantums = 1_000_000
    order.subticks = 100_000
    order.time_in_force = time_in_force
    if flags == SHORT_TERM:
        order.good_til_block = good_til_block
    else:
        order.good_til_block_time = good_til_time
    return message


def cancel(who: Signer, client_id: int = 1, *, flags: int = SHORT_TERM, good_til_block: int = HEIGHT + 10) -> Any:
    """Lane 1."""
    message = clob.MsgCancelOrder()
    message.order_id.subaccount_id.owner = who.text
    message.order_id.client_id = client_id
    message.order_id.order_flags = flags
    if flags == SHORT_TERM:
        message.good_til_block = good_til_block
    else:
        message.good_til_block_time = 1_700_001_000
    return message


def batch_cancel(who: Signer, client_ids: Sequence[int] = (1, 2), good_til_block: int = HEIGHT + 10) -> Any:
    """Lane 1."""
    message = clob.MsgBatchCancel(good_til_block=good_til_block)
    message.subaccount_id.owner = who.text
    message.short_term_cancels.add(clob_pair_id=0, client_ids=client_ids)
    return message


def deposit(who: Signer, quantums: int = 5) -> Any:
    """Lane 2."""
    message = transfer_pb2.MsgDepositToSubaccount(sender=who.text, quantums=quantums)
    message.recipient.owner = who.text
    return message


def transfer(who: Signer, to: Signer, amount: int = 5) -> Any:
    """Lane 2 to another subaccount of the same owner, else lane 5."""
    message = sending.MsgCreateTransfer()
    message.transfer.sender.owner = who.text
    message.transfer.recipient.owner = to.text
    message.transfer.recipient.number = 1
    message.transfer.amount = amount
    return message


def send(who: Signer, to: Signer, amount: int = 5) -> Any:
    """Lane 5."""
    message = bank.MsgSend(from_address=who.text, to_address=to.text)
    message.amount.add(denom="uusdc", amount=str(amount))
    return message


@dataclass
class Desk:
    """One node's sequencer. Account numbers are those of EVERYONE, from 10 on; sequences start at 0."""

    params: SequencerParams = DEFAULT_PARAMS
    height: int = HEIGHT
    enable_height: int = 0
    validators: Sequence[tuple[bytes, int]] = ()
    ctx: Context = field(init=False)
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        wiring = Wiring()
        state = LiveState(wiring.registry)
        self.wiring = wiring
        self.ctx = Context(state, self.height, TIME_NS, CHAIN_ID)
        wiring.consensus.init_genesis(self.ctx, {})
        wiring.consensus.keeper.begin_chain(
            self.ctx,
            chain_id=CHAIN_ID,
            initial_height=1,
            enable_height=self.enable_height,
            validators=self.validators,
            engine=EngineParams(-1, -1, 1, 1, 1, 1),
        )
        wiring.consensus.keeper.set_params(self.ctx, self.params)
        accounts = [{"address": who.text, "account_number": number} for number, who in enumerate(EVERYONE, 10)]
        wiring.auth.init_genesis(self.ctx, {"accounts": accounts})
        state.forget()
        self.router = Router(wiring.messages)
        self.decoder = Decoder(self.router)
        self.sources = Sources(TxCache(self.decoder), wiring.auth.keeper, wiring.consensus.keeper)

    def sign(self, who: Signer, *messages: Any, sequence: int = 0, **changes: Any) -> bytes:
        """A signed transaction of an account of this desk."""
        numbers = {signer: number for number, signer in enumerate(EVERYONE, 10)}
        arguments: dict[str, Any] = {"account_number": numbers.get(who, 99), "sequence": sequence, "chain_id": CHAIN_ID}
        return sign_tx(who.private_key, messages, **(arguments | changes))

    def set_sequence(self, who: Signer, sequence: int) -> None:
        account = self.wiring.auth.keeper.account(self.ctx, who.address)
        assert account is not None
        self.wiring.auth.keeper.consume(self.ctx, [(who.address, account._replace(sequence=sequence))])
        self.ctx.state.forget()

    def remember(self, *txs: bytes, height: int = HEIGHT - 1) -> None:
        """These were in the block at that height."""
        self.ctx.height = height
        self.wiring.auth.keeper.remember(self.ctx, [sha256(tx).digest() for tx in txs])
        self.ctx.height = self.height
        self.ctx.state.forget()

    def decode(self, raw: bytes) -> Tx:
        return self.decoder.decode(raw)

    def admit(self, txs: Sequence[bytes], first: int = 0) -> Admission:
        return admit(self.ctx, self.sources, txs, APP_HASH, first)

    def prepare(
        self, pool: Sequence[bytes], max_tx_bytes: int = 100_000_000, local_commit: abci.ExtendedCommitInfo = NO_EXTENDED_COMMIT
    ) -> Proposal:
        return prepare(self.ctx, self.sources, pool, APP_HASH, max_tx_bytes, local_commit)

    def process(self, txs: Sequence[bytes], last_commit: LastCommit = NO_COMMIT) -> Verdict:
        return process(self.ctx, self.sources, txs, APP_HASH, last_commit)

    def rules(self, txs: Sequence[bytes]) -> list[str]:
        """Per transaction the id of the rule that it breaks, empty where it is admitted."""
        refusals = self.admit(txs).refusals
        return [refusals[position].rule.id if position in refusals else "" for position in range(len(txs))]


@lru_cache
def _voter_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(b"voter " + name.encode()).digest())


@dataclass(frozen=True)
class Voter:
    """A validator with its ed25519 key."""

    name: str
    power: int = 10

    @property
    def key(self) -> Ed25519PrivateKey:
        return _voter_key(self.name)

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def address(self) -> bytes:
        return sha256(self.public_key).digest()[:20]


def voters(count: int = 4, powers: Sequence[int] = ()) -> list[Voter]:
    """Validators in the engine's order: power descending, then address."""
    found = [Voter(str(number), powers[number] if powers else 10) for number in range(count)]
    return sorted(found, key=lambda one: (-one.power, one.address))


def voting_desk(who: Sequence[Voter], **changes: Any) -> Desk:
    """A desk whose blocks need a preamble."""
    return Desk(enable_height=1, validators=[(one.public_key, one.power) for one in who], **changes)


def extended_commit(
    who: Sequence[Voter], extensions: Sequence[bytes | None], *, height: int = HEIGHT - 1, round_: int = 0, chain_id: str = CHAIN_ID
) -> abci.ExtendedCommitInfo:
    """What the proposer's engine knows: None is an absent validator, bytes a committed and signed extension."""
    commit = abci.ExtendedCommitInfo(round=round_)
    for one, extension in zip(who, extensions, strict=True):
        vote = commit.votes.add(block_id_flag=ABSENT if extension is None else COMMIT)
        vote.validator.address = one.address
        vote.validator.power = one.power
        if extension is not None:
            vote.vote_extension = extension
            vote.extension_signature = one.key.sign(sign_bytes(extension, height, round_, chain_id))
    return commit


def last_commit(commit: abci.ExtendedCommitInfo) -> LastCommit:
    """What everybody's engine knows of it."""
    return commit_of(commit)
