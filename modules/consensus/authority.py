"""What the authority may change of consensus: who validates, and the limits of blocks."""

from typing import Any

from modules.consensus import genesis
from modules.consensus.errors import INVALID_PARAMS, INVALID_VALIDATOR_CHANGE
from modules.consensus.keeper import ConsensusKeeper
from modules.consensus.model import VALIDATOR_KEY_BYTES, SequencerParams
from modules.kernel.genesis import Reader
from modules.kernel.module import ChangeRoute, Problems
from perpd_proto.perpd.consensus.v1 import tx_pb2 as consensus_pb2
from perpd_proto.perpd.sequencer.v1 import tx_pb2 as sequencer_pb2

ValidatorChanges = tuple[tuple[bytes, int], ...]
"""(ed25519 key, new power; 0 removes)."""


def changes(keeper: ConsensusKeeper) -> tuple[ChangeRoute, ...]:
    """Routes of the changes."""
    return (
        ChangeRoute(
            consensus_pb2.MsgUpdateValidators,
            consensus_pb2.MsgUpdateValidatorsResponse,
            decode_validators,
            keeper.change_validators,
        ),
        ChangeRoute(sequencer_pb2.MsgUpdateParams, sequencer_pb2.MsgUpdateParamsResponse, decode_params, keeper.set_params),
    )


def decode_validators(message: consensus_pb2.MsgUpdateValidators) -> ValidatorChanges:
    """New powers by key. Raises consensus 2 for none at all and for what is no key; the rest depends on the set that is changed."""
    if not message.validators:
        raise INVALID_VALIDATOR_CHANGE("it names no validator")
    for one in message.validators:
        if len(one.public_key) != VALIDATOR_KEY_BYTES:
            raise INVALID_VALIDATOR_CHANGE(f"a key has {len(one.public_key)} bytes; an ed25519 key has {VALIDATOR_KEY_BYTES}")
    return tuple((one.public_key, one.power) for one in message.validators)


def decode_params(message: sequencer_pb2.MsgUpdateParams) -> SequencerParams:
    """All limits, with the bounds of genesis. Raises consensus 3 with the first mistake."""
    section: dict[str, Any] = {
        name: list(value) if name == "lane_byte_share_ppm" else value
        for name, value in ((name, getattr(message.params, name)) for name in SequencerParams._fields)
    }
    problems = Problems()
    params = genesis.read_params(Reader(section, "params", problems))
    if problems.found:
        path, sentence = problems.found[0]
        raise INVALID_PARAMS(f"{path} {sentence}")
    return params
