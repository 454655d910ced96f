"""State of consensus: prefixes, names, codecs. Every entry is a single value, so that checks need point reads only."""

from modules.consensus.model import CHAIN_IDENTITY, LAST_BLOCK, PARAMS, VALIDATOR_SETS
from modules.kernel.codec import TEXT, single
from modules.kernel.stores import Registry


class ConsensusState:
    """The declarations of store `consensus`."""

    def __init__(self, registry: Registry) -> None:
        schema = registry.schema("consensus")
        self.chain = schema.item(1, "chain", CHAIN_IDENTITY)
        self.params = schema.item(2, "params", PARAMS)
        self.validator_sets = schema.item(3, "validator_sets", VALIDATOR_SETS)
        self.last_block = schema.item(4, "last_block", LAST_BLOCK)
        self.bech32_prefix = schema.item(5, "bech32_prefix", single(TEXT))
