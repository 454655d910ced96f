"""Whole applications in processes of their own: each on its own database, behind our ABCI server, with a hash seed of its own.

Run as a program it serves one application on a unix socket until its standard input ends: `directory`, socket path, reported prices.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from node.abci.application import Application
from node.abci.client import Client
from node.abci.server import Server
from perpd_proto.tendermint.abci import types_pb2 as abci
from support.exchange import open_app

ROOT = Path(__file__).parents[2]
UP = "up"


class RemoteApp(Application):
    """An application elsewhere, with the methods of one here, so that a mock network can drive both."""

    def __init__(self, directory: Path, prices: dict[int, int], hash_seed: int) -> None:
        """Its process begins; `wait` until it is up. `prices` are what it reports in votes, by market."""
        self._directory = directory
        self._prices = prices
        directory.mkdir(parents=True, exist_ok=True)
        self._begin(hash_seed)

    def _begin(self, hash_seed: int) -> None:
        path = os.pathsep.join(str(ROOT / part) for part in (".", "proto/gen", "tests"))
        self._socket = self._directory / "abci.sock"
        arguments = [str(self._directory / "database"), str(self._socket), json.dumps(self._prices)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.remote_app", *arguments],
            env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._client: Client | None = None

    def wait(self) -> None:
        """It is up and connected."""
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told.strip() == UP, f"the process ended with {self._process.wait()}"
        self._client = Client(f"unix://{self._socket}")

    def restart(self, hash_seed: int) -> None:
        """The process is killed, and another one has opened its database: nothing but what is on disk is known."""
        self._process.kill()
        self._end()
        self._begin(hash_seed)
        self.wait()

    def close(self) -> None:
        """The process has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._end()

    def _end(self) -> None:
        if self._client is not None:
            self._client.close()
        self._process.wait(60)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _call(self, name: str, request: Any) -> Any:
        assert self._client is not None
        return self._client.call(name, request)

    def info(self, request: abci.RequestInfo) -> Any:
        return self._call("info", request)

    def init_chain(self, request: abci.RequestInitChain) -> Any:
        return self._call("init_chain", request)

    def check_tx(self, tx: bytes, recheck: bool) -> Any:
        return self._call("check_tx", abci.RequestCheckTx(tx=tx, type=abci.RECHECK if recheck else abci.NEW))

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> Any:
        return self._call("prepare_proposal", request)

    def process_proposal(self, request: abci.RequestProcessProposal) -> Any:
        return self._call("process_proposal", request)

    def extend_vote(self, request: abci.RequestExtendVote) -> Any:
        return self._call("extend_vote", request)

    def verify_vote_extension(self, request: abci.RequestVerifyVoteExtension) -> Any:
        return self._call("verify_vote_extension", request)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> Any:
        return self._call("finalize_block", request)

    def commit(self, request: abci.RequestCommit) -> Any:
        return self._call("commit", request)


async def _serve(directory: Path, socket: str, prices: dict[int, int]) -> None:
    app = open_app(directory, prices)
    server = Server(app, f"unix://{socket}")
    try:
        await server.start()
        sys.stdout.write(f"{UP}\n")
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(0, lambda: None if os.read(0, 1) or ended.done() else ended.set_result(None))
        await asyncio.wait([ended, server.fatal], return_when=asyncio.FIRST_COMPLETED)
        if server.fatal.done():
            server.fatal.result()
    finally:
        await server.stop()
        app.store.close()


def main() -> None:
    """Serves until standard input ends."""
    directory, socket, prices = sys.argv[1:]
    asyncio.run(_serve(Path(directory), socket, {int(market): price for market, price in json.loads(prices).items()}))


if __name__ == "__main__":
    main()
