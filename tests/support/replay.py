"""Lives through recorded blocks with an application of its own and prints what came of each: a program, so that it can be another process.

Standard input: a RequestInitChain and RequestFinalizeBlocks, each after its length in four bytes. Standard output: a digest a line, after
genesis' app hash. From time to time the application is closed and opened again, so that nothing but what is on disk is known.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from google.protobuf.message import Message

from perpd_proto.tendermint.abci import types_pb2 as abci
from support.app_network import open_app
from support.chain import Block, message

ROOT = Path(__file__).parents[2]
REOPEN_BLOCKS = 29
_LENGTH_BYTES = 4


def _frames(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + _LENGTH_BYTES], "big")
        place += _LENGTH_BYTES
        yield data[place : place + size]
        place += size


def digest(decided: Block | abci.ResponseFinalizeBlock) -> bytes:
    """SHA-256 of the app hash, the results and all events of a block, in their order."""
    results = decided.results if isinstance(decided, Block) else decided.tx_results
    hasher = sha256(decided.app_hash)
    for part in (*results, *decided.events):
        encoded = part.SerializeToString(deterministic=True)
        hasher.update(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    return hasher.digest()


def digests(directory: Path, init: abci.RequestInitChain, blocks: Iterable[abci.RequestFinalizeBlock]) -> Iterator[bytes]:
    """The app hash of genesis, then the digest of each block."""
    app = open_app(directory)
    try:
        yield message(app.init_chain(init), abci.ResponseInitChain).app_hash
        for number, request in enumerate(blocks, 1):
            yield digest(message(app.finalize_block(request), abci.ResponseFinalizeBlock))
            app.commit(abci.RequestCommit())
            if number % REOPEN_BLOCKS == 0:
                app.store.close()
                app = open_app(directory)
    finally:
        app.store.close()


def elsewhere(init: abci.RequestInitChain, blocks: Iterable[abci.RequestFinalizeBlock], hash_seed: int) -> list[bytes]:
    """What `digests` gives in another process, one whose sets and dictionaries of texts are ordered otherwise."""
    requests: list[Message] = [init, *blocks]
    encoded = [request.SerializeToString() for request in requests]
    path = os.pathsep.join(str(ROOT / part) for part in (".", "proto/gen", "tests"))
    answer = subprocess.run(
        [sys.executable, "-m", "support.replay"],
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)},
        input=b"".join([len(one).to_bytes(_LENGTH_BYTES, "big") + one for one in encoded]),
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    return [bytes.fromhex(line) for line in answer.stdout.decode().split()]


def main() -> None:
    """Reads, lives, prints."""
    init, *blocks = _frames(sys.stdin.buffer.read())
    with tempfile.TemporaryDirectory() as directory:
        requests = [abci.RequestFinalizeBlock.FromString(block) for block in blocks]
        for found in digests(Path(directory), abci.RequestInitChain.FromString(init), requests):
            sys.stdout.write(f"{found.hex()}\n")


if __name__ == "__main__":
    main()
