"""Two fixed chains whose app hashes are all written down in `tests/vectors/golden_chain.json`: a change that breaks state shows as a diff.

One is told block by block, so that a diff says what is another; in the other everybody does everything, and a digest holds each block.

It is written anew, where a change of bytes is meant (and named in CHANGELOG under State breaking), by

    PERPD_WRITE_GOLDEN=1 make test ARGS=tests/node/test_determinism_golden.py
"""

import json
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from perpd_proto.tendermint.abci import types_pb2 as abci
from support.every_kind import EveryKind
from support.exchange import Happened, exchanges
from support.market_life import MarketLife, life_genesis
from support.replay import digest
from support.simulation import running

VECTOR = Path(__file__).parents[1] / "vectors" / "golden_chain.json"
SEED, BLOCKS, POOL = 19, 24, 14
EVERY_SEED, EVERY_BLOCKS = 6, 60


def _digest(parts: list[bytes]) -> str:
    """SHA-256 over the parts, each after its length."""
    hasher = sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.hexdigest()


def _agreed(result: abci.ExecTxResult) -> bytes:
    """What the engine hashes into the next header."""
    part = abci.ExecTxResult(code=result.code, data=result.data, gas_wanted=result.gas_wanted, gas_used=result.gas_used)
    encoded: bytes = part.SerializeToString()
    return encoded


def _row(happened: Happened) -> dict[str, Any]:
    """`results` is what consensus hashes, `told` also logs and events."""
    block = happened.block
    codes = [f"{result.codespace}/{result.code}" for result in block.results if result.code]
    return {
        "height": block.height,
        "txs": _digest(block.txs),
        "results": _digest([_agreed(result) for result in block.results]),
        "told": _digest([*(one.SerializeToString() for one in block.results), *(one.SerializeToString() for one in block.events)]),
        "app_hash": block.app_hash.hex(),
        "count": len(block.txs),
        "failed": sorted(codes),
        "fills": len(happened.fills()),
        "liquidations": len(happened.events("liquidation")),
        "epochs": len(happened.events("funding_epoch_ended")),
    }


def golden_chain() -> dict[str, Any]:
    """Runs the chain; what the vector holds."""
    with exchanges() as open_exchange:
        exchange = open_exchange(life_genesis(), chain_id="golden-1")
        life = MarketLife(exchange, SEED)
        rows = [_row(life.step(POOL)) for _ in range(BLOCKS)]
        with exchange.apps[0].store.version() as version:
            roots = {name: root.hex() for name, root in version._roots.items()}
        return {
            "seed": SEED,
            "genesis_hash": exchange.chain.genesis_hash.hex(),
            "blocks": rows,
            "store_roots": roots,
            "every_kind": every_kind(),
        }


def every_kind() -> dict[str, Any]:
    """Digests of the blocks of a simulation of every kind of message, and how often each kind of event occurred."""
    with tempfile.TemporaryDirectory() as directory, running(EveryKind(Path(directory), EVERY_SEED), EVERY_SEED) as simulation:
        simulation.run(EVERY_BLOCKS)
        blocks = [digest(block).hex() for block in simulation.network.chain.blocks]
        return {"seed": EVERY_SEED, "blocks": blocks, "events": dict(sorted(simulation.events.items()))}


def main() -> None:
    """Prints the chain, for processes of their own with other hash seeds."""
    json.dump(golden_chain(), sys.stdout)


if __name__ == "__main__":
    main()
