"""Results as bytes equal what protobuf would write."""

from hypothesis import given
from hypothesis import strategies as st

from modules.kernel.errors import INSUFFICIENT_FUNDS
from modules.kernel.events import EventKind
from node import results
from perpd_proto.cosmos.base.abci.v1beta1 import abci_pb2
from perpd_proto.tendermint.abci import types_pb2 as abci
from perpd_proto.tendermint.crypto import keys_pb2

KIND = EventKind("sample", ("key",), indexed=("key",))
EVENT = abci.Event(type="sample", attributes=[abci.EventAttribute(key="key", value="9", index=True)])
GAS = st.integers(0, 2**63 - 1)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=300), st.text(max_size=200), GAS, GAS, st.text(max_size=20), st.integers(0, 3))
def test_a_result_is_the_protobuf_message(code: int, data: bytes, log: str, wanted: int, used: int, codespace: str, count: int) -> None:
    """ExecTxResult and ResponseCheckTx, which share their numbers."""
    encoded = results.tx_result(
        code=code, data=data, log=log, gas_wanted=wanted, gas_used=used, events=[(KIND, (9,))] * count, codespace=codespace
    )
    fields = {"code": code, "data": data, "log": log, "gas_wanted": wanted, "gas_used": used, "codespace": codespace}
    assert encoded == abci.ExecTxResult(events=[EVENT] * count, **fields).SerializeToString()
    assert encoded == abci.ResponseCheckTx(events=[EVENT] * count, **fields).SerializeToString()


def test_a_failure_tells_codespace_code_and_log() -> None:
    """With the message index in front, as clients of the reference know it."""
    failed = abci.ExecTxResult.FromString(results.failure(INSUFFICIENT_FUNDS("1 < 2"), 5, 3, (), "message index: 0: "))
    assert (failed.codespace, failed.code, failed.log) == ("sdk", 5, "message index: 0: 1 < 2: insufficient funds")
    assert (failed.gas_wanted, failed.gas_used) == (5, 3)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=150), st.binary(max_size=200)), max_size=4))
def test_message_data_is_tx_msg_data(responses: list[tuple[str, bytes]]) -> None:
    """One Any per message in field 2."""
    message = abci_pb2.TxMsgData()
    for url, value in responses:
        message.msg_responses.add(type_url=url, value=value)
    assert results.message_data(responses) == message.SerializeToString()


@given(
    st.integers(0, 3),
    st.lists(st.binary(max_size=3).map(lambda data: abci.ExecTxResult(data=data)), max_size=5),
    st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 2**60)), max_size=3),
)
def test_a_finalized_block_is_the_protobuf_message(count: int, txs: list[abci.ExecTxResult], powers: list[tuple[bytes, int]]) -> None:
    """Events, results (also empty ones), validators with their new powers (also 0) and app hash."""
    encoded = results.finalize_response([(KIND, (9,))] * count, [tx.SerializeToString() for tx in txs], b"h" * 32, powers)
    updates = [abci.ValidatorUpdate(pub_key=keys_pb2.PublicKey(ed25519=key), power=power) for key, power in powers]
    expected = abci.ResponseFinalizeBlock(events=[EVENT] * count, tx_results=txs, validator_updates=updates, app_hash=b"h" * 32)
    assert encoded == expected.SerializeToString()


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_a_proposal_is_the_protobuf_message(txs: list[bytes]) -> None:
    """Transactions in field 1."""
    assert results.txs_response(txs) == abci.ResponsePrepareProposal(txs=txs).SerializeToString()
