"""The application under the engine: one thin method per ABCI call, in call order. The hallway that knows all rooms and works in none."""

import gc
import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from modules.authority.model import Change
from modules.clob import leverage
from modules.clob.errors import GOOD_TIL_BLOCK_TOO_FAR, HEIGHT_EXCEEDS_GOOD_TIL_BLOCK
from modules.clob.leverage import UpdateLeverage
from modules.clob.model import BatchCancel, CancelOrder, PlaceOrder
from modules.consensus.model import EngineParams
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from modules.kernel.module import QueryRoute
from modules.kernel.units import NANOSECONDS_PER_SECOND
from node import chain_genesis, results
from node.abci.application import Application
from node.executor import BlockRequest, Executor, Tally
from node.history.history import DEFAULT_BLOCKS, History
from node.metrics import Metrics
from node.query.abci_query import AbciQuery
from node.query.routes import state_routes
from node.query.services.proposals import proposal_routes
from node.query.services.simulate import SimulateOutcome
from node.query.table import QueryTable
from node.sequencer.admission import Sources
from node.sequencer.check import CheckState, WindowErrors
from node.sequencer.prepare import prepare
from node.sequencer.process import process
from node.sequencer.proposals import ProposalLog
from node.sequencer.rate_limits import RateLimiter
from node.store.chain_store import ChainStore
from node.store.state import CommittedView, LiveState
from node.tx.cache import TxCache
from node.tx.envelope import Decoder, Tx
from node.tx.limits import gas_wanted
from node.tx.router import Router
from node.votes import extension
from node.votes.preamble import commit_of
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci

VERSION = "0.1.0"
APP_VERSION = 1
log = logging.getLogger("app")

_ACCEPT = abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)
_REJECT = abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.REJECT)
_ACCEPTABLE = abci.ResponseVerifyVoteExtension(status=abci.ResponseVerifyVoteExtension.ACCEPT)
_UNACCEPTABLE = abci.ResponseVerifyVoteExtension(status=abci.ResponseVerifyVoteExtension.REJECT)


def nanoseconds(time: Timestamp) -> int:
    """Unix time of a protobuf timestamp in nanoseconds."""
    return int(time.seconds) * NANOSECONDS_PER_SECOND + int(time.nanos)


def _no_prices() -> Mapping[int, int]:
    return {}


def _nothing(_ctx: Context) -> None:
    return None


class App(Application):
    """One node's state machine. Live objects are the committed state, except between FinalizeBlock and Commit: then a block is staged."""

    def __init__(
        self,
        store: ChainStore,
        wiring: Wiring,
        *,
        prices: Callable[[], Mapping[int, int]] = _no_prices,
        metrics: Metrics | None = None,
        node_queries: tuple[QueryRoute, ...] = (),
        on_chain: Callable[[Context], None] = _nothing,
        history_blocks: int = DEFAULT_BLOCKS,
    ) -> None:
        """`prices` is this node's own view, asked once per vote; `node_queries` are answered beside those of the modules;
        what has become of orders is kept for `history_blocks` heights.

        `on_chain` is called when the chain's state is there, at start or with InitChain. Raises DatabaseError when what is stored cannot
        be trusted.
        """
        self.store = store
        self.wiring = wiring
        self.state = LiveState(wiring.registry)
        self._history = History(store, wiring.registry, wiring.clob.keeper, history_blocks)
        self.proposals = ProposalLog()
        own_queries = (*state_routes(store, self._history, wiring), *proposal_routes(self.proposals))
        self.table = QueryTable(wiring.registry, store, (*wiring.queries, *own_queries, *node_queries))
        self.metrics = metrics if metrics is not None else Metrics()
        self._prices = prices
        self._on_chain = on_chain
        self._abci_query = AbciQuery(self.table, store, VERSION)
        self._router = Router(wiring.messages)
        self._chain_id = ""
        self._genesis_hash = b""
        self._genesis_time_ns = 0
        self._initial_height = 1
        self._staged: Tally | None = None
        self._staged_height = 0
        self._committed_view: CommittedView | None = None
        self._check_memo: dict[Any, Any] = {}
        self._load()

    def _load(self) -> None:
        """The committed state is in memory. No automatic collections: a full one at a million objects takes over a second."""
        gc.disable()
        declared_by = {(declared.store, declared.prefix): declared for declared in self.wiring.registry.maps}
        began, count = perf_counter(), 0
        for store, key, value in self.store.load():
            declared = declared_by[(store, key[:1])]
            self.state.load(declared.slot, declared.decode_key(key), declared.value_codec.decode(value))
            count += 1
        if self.store.height:
            self._begin()
            fields = {
                "height": self.store.height,
                "app_hash": self.store.app_hash,
                "pairs": count,
                "seconds": f"{perf_counter() - began:.2f}",
            }
            log.info("state loaded", extra=fields)
        gc.collect()
        gc.freeze()

    def _begin(self) -> None:
        """What depends on the chain's identity is ready; the state is there."""
        self._check_memo = {}
        ctx = Context(self.state, self.store.height, self.store.time_ns, "")
        keeper = self.wiring.consensus.keeper
        self._chain_id = keeper.chain_id(ctx)
        self._initial_height = keeper.initial_height(ctx)
        addresses.use_prefix(keeper.bech32_prefix(ctx))
        self._sources = Sources(TxCache(Decoder(self._router)), self.wiring.auth.keeper, keeper)
        self._executor = Executor(self.wiring, self._sources)
        windows = WindowErrors(HEIGHT_EXCEEDS_GOOD_TIL_BLOCK, GOOD_TIL_BLOCK_TOO_FAR)
        rate_limiter = RateLimiter(self.wiring.clob.keeper)
        self._check = CheckState(self._sources, window_errors=windows, count=rate_limiter.check, economic=self._check_economics)
        self._on_chain(ctx)

    # Contexts

    @property
    def _next_height(self) -> int:
        return self.store.height + 1 if self.store.height else self._initial_height

    @property
    def _last_time_ns(self) -> int:
        return self.store.time_ns if self.store.height else self._genesis_time_ns

    @property
    def _app_hash(self) -> bytes:
        """Of the last committed state; before the first commit, of genesis."""
        return self.store.app_hash if self.store.height else self._genesis_hash

    def _proposal_context(self, request: abci.RequestPrepareProposal | abci.RequestProcessProposal) -> Context:
        """The next block's on committed state; a block that an engine left staged when it died is undone first."""
        assert request.height == self._next_height, f"asked about a proposal of height {request.height}, the next is {self._next_height}"
        self._unstage()
        return Context(self.state, self._next_height, nanoseconds(request.time), self._chain_id)

    def _check_context(self) -> Context:
        """The next block's on committed state, also while a block is staged."""
        state: Any = self.state
        if self._staged is not None:
            if self._committed_view is None:
                self._committed_view = CommittedView(self.state)
            state = self._committed_view
        ctx = Context(state, self._next_height, self._last_time_ns, self._chain_id)
        # What derives from committed prices and parameters is the same for every check until the next commit.
        ctx.scratch = self._check_memo
        return ctx

    def _unstage(self) -> None:
        """Live objects are the committed state."""
        if self._staged is not None:
            log.warning("a staged block is undone", extra={"height": self._staged_height})
            self.state.rollback(0)
            self.store.discard()
            self._staged = None
            self._committed_view = None

    # Where the node stands

    def info(self, request: abci.RequestInfo) -> abci.ResponseInfo:
        return abci.ResponseInfo(
            data="perpd",
            version=VERSION,
            app_version=APP_VERSION,
            last_block_height=self.store.height,
            last_block_app_hash=self.store.app_hash,
        )

    def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """The state of genesis, from nothing, however often it is asked for. Raises GenesisError with every mistake of an invalid one."""
        document = chain_genesis.parse(request.app_state_bytes)
        problems = chain_genesis.validate(document, self.wiring.modules)
        problems = problems or chain_genesis.validate_beginning(document, request.initial_height, nanoseconds(request.time))
        if problems:
            raise chain_genesis.GenesisError(problems)
        self._unstage()
        self.state.clear()
        self._genesis_time_ns = nanoseconds(request.time)
        ctx = Context(self.state, request.initial_height - 1, self._genesis_time_ns, request.chain_id)
        params = request.consensus_params
        self.wiring.consensus.keeper.begin_chain(
            ctx,
            chain_id=request.chain_id,
            initial_height=request.initial_height,
            enable_height=params.abci.vote_extensions_enable_height,
            validators=[(update.pub_key.ed25519, update.power) for update in request.validators],
            engine=EngineParams(
                params.block.max_bytes,
                params.block.max_gas,
                params.evidence.max_age_num_blocks,
                params.evidence.max_age_duration.seconds * NANOSECONDS_PER_SECOND + params.evidence.max_age_duration.nanos,
                params.evidence.max_bytes,
                params.version.app,
            ),
        )
        self.wiring.init_genesis(ctx, document)
        broken = self.wiring.check_invariants(ctx)
        if broken:
            raise chain_genesis.GenesisError([("", sentence) for sentence in broken])
        self._genesis_hash = self.store.stage_genesis(self.state.changes())
        self.state.forget()
        self._begin()
        gc.collect()
        gc.freeze()
        log.info("the chain begins", extra={"chain_id": request.chain_id, "app_hash": self._genesis_hash})
        return abci.ResponseInitChain(app_hash=self._genesis_hash)

    # From strangers

    def check_tx(self, tx: bytes, recheck: bool) -> bytes:
        try:
            checked = self._check.check(self._check_context(), tx, recheck=recheck)
        except ChainError as error:
            self.metrics.checked(error, recheck=recheck)
            return results.failure(error)
        self.metrics.checked(None, recheck=recheck)
        return results.tx_result(gas_wanted=gas_wanted(checked))

    def _check_economics(self, ctx: Context, tx: Tx, commands: list[Any]) -> None:
        """What would fail in the next block for reasons that committed state shows now.

        Only for transactions of one message: the messages of a bundle may pave the way for each other.
        """
        if len(commands) != 1:
            return
        command = commands[0]
        clob = self.wiring.clob.keeper
        if isinstance(command, Change):
            self.wiring.changes.check(ctx, command)
        elif isinstance(command, PlaceOrder):
            # Orders are counted in views, which a staged block's changes are in already; between blocks they are the committed ones.
            clob.check_place(ctx, command, room=self._staged is None)
        elif isinstance(command, CancelOrder):
            clob.check_cancel(ctx, command)
        elif isinstance(command, BatchCancel):
            clob.check_batch_cancel(ctx, command)
        elif isinstance(command, UpdateLeverage):
            leverage.check(ctx, clob, self.wiring.subaccounts.keeper, command)

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        return self._abci_query.answer(request)

    def simulate(self, raw: bytes) -> SimulateOutcome:
        """What the transaction would do on the latest state; nothing of it stays. Only on the state's own thread."""
        ctx = Context(self.state, self._next_height, self._last_time_ns, self._chain_id)
        mark = ctx.mark()
        try:
            return SimulateOutcome.of_result(abci.ExecTxResult.FromString(self._executor.simulate(ctx, raw)))
        finally:
            ctx.undo(mark)

    # Each height

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> bytes:
        with self.metrics.stage("prepare"):
            ctx = self._proposal_context(request)
            proposal = prepare(ctx, self._sources, request.txs, self._app_hash, request.max_tx_bytes, request.local_last_commit)
            self.proposals.note(ctx.height, request.txs, proposal)
            for refusal in proposal.left_out.values():
                self.metrics.left_out.labels(refusal.rule.id).inc()
            return results.txs_response(proposal.txs)

    def process_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        """ACCEPT exactly if this is the one valid block of its set of transactions."""
        with self.metrics.stage("process"):
            ctx = self._proposal_context(request)
            verdict = process(ctx, self._sources, request.txs, self._app_hash, commit_of(request.proposed_last_commit))
        if verdict.accepted:
            return _ACCEPT
        self.metrics.rejected(verdict.rule, request.proposer_address, request.height, verdict.position)
        fields = {
            "height": request.height,
            "proposer": request.proposer_address,
            "rule": verdict.rule,
            "position": verdict.position,
            "reason": verdict.reason,
        }
        log.warning("proposal rejected", extra=fields)
        return _REJECT

    def extend_vote(self, request: abci.RequestExtendVote) -> abci.ResponseExtendVote:
        params = self.wiring.consensus.keeper.params(self._check_context())
        return abci.ResponseExtendVote(vote_extension=extension.encode(self._prices(), params.max_vote_extension_bytes))

    def verify_vote_extension(self, request: abci.RequestVerifyVoteExtension) -> abci.ResponseVerifyVoteExtension:
        params = self.wiring.consensus.keeper.params(self._check_context())
        fits = extension.is_acceptable(request.vote_extension, params.max_vote_extension_bytes)
        return _ACCEPTABLE if fits else _UNACCEPTABLE

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> bytes:
        """The block is staged. Nothing of it is on disk, and it can be undone until Commit."""
        self._unstage()
        assert request.height == self._next_height, f"asked to finalize height {request.height}, the next one is {self._next_height}"
        ctx = Context(self.state, request.height, nanoseconds(request.time), self._chain_id)
        with self.metrics.stage("execute"):
            block = BlockRequest(request.txs, commit_of(request.decided_last_commit), request.proposer_address, self._app_hash)
            result = self._executor.execute(ctx, block)
        with self.metrics.stage("history"):
            beside = self._history.rows(ctx, result.notes)
        with self.metrics.stage("tree"):
            app_hash = self.store.stage(request.height, ctx.time_ns, self.state.changes(), beside)
        self._staged = result.tally
        self._staged_height = request.height
        updates = self.wiring.consensus.keeper.validator_updates(ctx)
        return results.finalize_response(result.events, result.results, app_hash, updates)

    def commit(self, request: abci.RequestCommit) -> abci.ResponseCommit:
        """The staged block is on disk, in one synchronous write, and is what everyone reads."""
        assert self._staged is not None, "nothing is staged"
        with self.metrics.stage("commit"):
            self.store.commit()
            self._history.prepare()
        self.state.forget()
        self.metrics.committed(self.store.height, self._staged)
        log.debug("committed", extra={"height": self.store.height, "txs": self._staged.admitted, "fills": self._staged.fills})
        self._staged = None
        self._committed_view = None
        self._check_memo = {}
        self._check.reset()
        self._sources.cache.committed()
        gc.collect(1)
        return abci.ResponseCommit()
