"""What an application must answer: one method per ABCI call, in the order in which a life meets them.

Each method gets the request and returns the response, either as a message or as `bytes`: the encoded *body* of that
response message (`b""` is the response with all fields at their defaults). Bytes spare the hot paths the protobuf objects.

The server calls one method at a time, from one thread. What an exception means depends on the call:

* `check_tx`, `query`, `insert_tx`, `reap_txs`, `list_snapshots`, `load_snapshot_chunk` can be caused by strangers. The exception is logged,
  the asker gets the answer of the matching `..._failed` hook or an empty one, and the node lives on.
* In every other call an exception means that this node can no longer take part: the engine is told, and the server ends
  with the exception. A bad transaction, proposal or extension is never an exception: it is a code, or REJECT.
"""

from abc import ABC, abstractmethod
from typing import TypeAlias

from perpd_proto.tendermint.abci import types_pb2 as pb

InfoAnswer: TypeAlias = pb.ResponseInfo | bytes
InitChainAnswer: TypeAlias = pb.ResponseInitChain | bytes
QueryAnswer: TypeAlias = pb.ResponseQuery | bytes
CheckTxAnswer: TypeAlias = pb.ResponseCheckTx | bytes
InsertTxAnswer: TypeAlias = pb.ResponseInsertTx | bytes
ReapTxsAnswer: TypeAlias = pb.ResponseReapTxs | bytes
ListSnapshotsAnswer: TypeAlias = pb.ResponseListSnapshots | bytes
OfferSnapshotAnswer: TypeAlias = pb.ResponseOfferSnapshot | bytes
LoadSnapshotChunkAnswer: TypeAlias = pb.ResponseLoadSnapshotChunk | bytes
ApplySnapshotChunkAnswer: TypeAlias = pb.ResponseApplySnapshotChunk | bytes
PrepareProposalAnswer: TypeAlias = pb.ResponsePrepareProposal | bytes
ProcessProposalAnswer: TypeAlias = pb.ResponseProcessProposal | bytes
ExtendVoteAnswer: TypeAlias = pb.ResponseExtendVote | bytes
VerifyVoteExtensionAnswer: TypeAlias = pb.ResponseVerifyVoteExtension | bytes
FinalizeBlockAnswer: TypeAlias = pb.ResponseFinalizeBlock | bytes
CommitAnswer: TypeAlias = pb.ResponseCommit | bytes

INTERNAL_ERROR_CODE = 1
INTERNAL_ERROR_CODESPACE = "undefined"
INTERNAL_ERROR_LOG = "internal error"


class Application(ABC):
    """A deterministic state machine under a consensus engine. Echo and Flush are the server's own."""

    # The life of a node begins.

    @abstractmethod
    def info(self, request: pb.RequestInfo) -> InfoAnswer:
        """Where the application stands: height and app hash of the last *completed* Commit, height 0 before the first.

        Asked when the engine connects, and by users at any time. From the answer the engine decides which blocks to replay.
        """

    @abstractmethod
    def init_chain(self, request: pb.RequestInitChain) -> InitChainAnswer:
        """Builds the state of genesis, wiping whatever is there.

        Comes once in the life of a chain, but again after each restart as long as `info` reports height 0. Empty
        `validators` and absent `consensus_params` keep those of the genesis file; `app_hash` goes into the first header.
        """

    # From strangers, at any time.

    @abstractmethod
    def check_tx(self, tx: bytes, recheck: bool) -> CheckTxAnswer:
        """Whether a transaction may enter the pool (code 0), or stay there after a block (`recheck`).

        Judges on committed state and changes none of it. The verdict must settle, and on every node alike.
        """

    def query(self, request: pb.RequestQuery) -> QueryAnswer:
        """Reads committed state; a bad query is a code other than 0. Here: there is nothing to ask for."""
        return pb.ResponseQuery(
            code=1, codespace=INTERNAL_ERROR_CODESPACE, log="this application answers no queries", height=request.height
        )

    def insert_tx(self, request: pb.RequestInsertTx) -> InsertTxAnswer:
        """Takes a transaction into the application's own pool (CometBFT 0.39 and later, mempool type "app" only).

        Code 0 accepts, 32000 asks to try again later. Here: accepted and forgotten.
        """
        return b""

    def reap_txs(self, request: pb.RequestReapTxs) -> ReapTxsAnswer:
        """New transactions of the application's own pool, for gossip (as `insert_tx`). Here: none."""
        return b""

    # Each height.

    @abstractmethod
    def prepare_proposal(self, request: pb.RequestPrepareProposal) -> PrepareProposalAnswer:
        """The block that this node, being proposer, wants: its transactions in order, in total at most `max_tx_bytes`.

        Changes no state. `request.txs` is the pool in order of arrival; `local_last_commit` carries the vote extensions of
        the last height, which only the proposer sees. Need not be deterministic, but `process_proposal` must accept it.
        """

    @abstractmethod
    def process_proposal(self, request: pb.RequestProcessProposal) -> ProcessProposalAnswer:
        """ACCEPT or REJECT a proposed block; UNKNOWN, which an empty answer means, halts the node.

        A pure function of the block and the committed state: no clock, no pool, no local prices. Not called on every path
        (replay and block sync skip it), so nothing computed here may be needed later.
        """

    def extend_vote(self, request: pb.RequestExtendVote) -> ExtendVoteAnswer:
        """What this validator says along with its precommit, for the next proposer. Called only while extensions are enabled.

        Must be quick, and may differ from node to node. Here: nothing.
        """
        return b""

    def verify_vote_extension(self, request: pb.RequestVerifyVoteExtension) -> VerifyVoteExtensionAnswer:
        """ACCEPT or REJECT another validator's extension. REJECT discards its whole precommit, so accept empty ones.

        A function of the extension and committed state; whatever a correct `extend_vote` says is accepted. Here: accepts all.
        """
        return pb.ResponseVerifyVoteExtension(status=pb.ResponseVerifyVoteExtension.ACCEPT)

    @abstractmethod
    def finalize_block(self, request: pb.RequestFinalizeBlock) -> FinalizeBlockAnswer:
        """Executes a decided block: one result per transaction, and the app hash after it. Writes nothing durable.

        Total and deterministic, whatever the block holds. May be asked again for the same height after a crash.
        """

    @abstractmethod
    def commit(self, request: pb.RequestCommit) -> CommitAnswer:
        """Makes the finalized block durable, in one step. `retain_height`: blocks below it may be deleted, 0 keeps all."""

    # State sync.

    def list_snapshots(self, request: pb.RequestListSnapshots) -> ListSnapshotsAnswer:
        """The snapshots that peers may fetch from here. Here: none."""
        return b""

    def load_snapshot_chunk(self, request: pb.RequestLoadSnapshotChunk) -> LoadSnapshotChunkAnswer:
        """One chunk for a peer; an empty one means that there is no such chunk. Here: there is none."""
        return b""

    def offer_snapshot(self, request: pb.RequestOfferSnapshot) -> OfferSnapshotAnswer:
        """Whether to restore this snapshot; `app_hash` alone is trustworthy. Resets a half-done restore. Here: REJECT."""
        return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)

    def apply_snapshot_chunk(self, request: pb.RequestApplySnapshotChunk) -> ApplySnapshotChunkAnswer:
        """Restores the next chunk of the accepted snapshot, in order from 0. Here: ABORT, as none is ever accepted."""
        return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ABORT)

    # When a call that strangers can cause raised.

    def check_tx_failed(self, error: Exception) -> CheckTxAnswer:
        """The answer to a CheckTx that raised. An error here ends the server."""
        return pb.ResponseCheckTx(code=INTERNAL_ERROR_CODE, codespace=INTERNAL_ERROR_CODESPACE, log=INTERNAL_ERROR_LOG)

    def query_failed(self, error: Exception) -> QueryAnswer:
        """The answer to a Query that raised. An error here ends the server."""
        return pb.ResponseQuery(code=INTERNAL_ERROR_CODE, codespace=INTERNAL_ERROR_CODESPACE, log=INTERNAL_ERROR_LOG)

    def insert_tx_failed(self, error: Exception) -> InsertTxAnswer:
        """The answer to an InsertTx that raised. An error here ends the server."""
        return pb.ResponseInsertTx(code=INTERNAL_ERROR_CODE)
