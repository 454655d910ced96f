"""Lives through recorded blocks with an application of its own and prints every app hash: a program, so that it can be another process.

Standard input: a RequestInitChain and RequestFinalizeBlocks, each after its length in four bytes. Standard output: a hash a line, genesis'
first. From time to time the application is closed and opened again, so that nothing but what is on disk is known.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import Message

from perpd_proto.tendermint.abci import types_pb2 as abci
from support.app_network import open_app
from support.chain import message

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


def hashes(directory: Path, init: abci.RequestInitChain, blocks: Iterable[abci.RequestFinalizeBlock]) -> Iterator[bytes]:
    """The app hashes from genesis on."""
    app = open_app(directory)
    try:
        yield message(app.init_chain(init), abci.ResponseInitChain).app_hash
        for number, request in enumerate(blocks, 1):
            yield message(app.finalize_block(request), abci.ResponseFinalizeBlock).app_hash
            app.commit(abci.RequestCommit())
            if number % REOPEN_BLOCKS == 0:
                app.store.close()
                app = open_app(directory)
    finally:
        app.store.close()


def elsewhere(init: abci.RequestInitChain, blocks: Iterable[abci.RequestFinalizeBlock], hash_seed: int) -> list[bytes]:
    """The app hashes that another process finds, one whose sets and dictionaries of texts are ordered otherwise."""
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
        for app_hash in hashes(Path(directory), abci.RequestInitChain.FromString(init), requests):
            sys.stdout.write(f"{app_hash.hex()}\n")


if __name__ == "__main__":
    main()
