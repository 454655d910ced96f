"""A node whose proposer cheats: `python -P -m node.demo.mev.cheater start --home HOME`. In everything else it is honest.

`HOME/cheat.json`, {"cheat": NAME}, says how; without the file, or with an empty name, it proposes as it should. What it tried it
appends to `HOME/cheats.jsonl`, one JSON object a line.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from modules.auth.model import address_of_key
from modules.kernel import address as addresses
from modules.kernel.context import Context
from modules.kernel.errors import ChainError
from node import config as configuration
from node import results, service
from node.app import App, nanoseconds
from node.demo.mev.cheats import Cheat, named
from node.demo.mev.material import Attacker, Material
from node.failure import Failure
from node.localnet import files
from node.localnet.home import Home
from node.localnet.keys import secret_key
from node.sequencer.order import seed_of
from node.store.chain_store import ChainStore
from node.tx.envelope import Tx, framed_size
from node.tx.signature import public_key_of
from node.votes.preamble import is_preamble
from node.wiring import Wiring
from perpd_proto.tendermint.abci import types_pb2 as abci

ATTACKER = "ivan"
"""The account of the localnet that the cheating validator trades with."""
CONTROL_FILE, RECORD_FILE = "cheat.json", "cheats.jsonl"
REMEMBERED_BLOCKS = 200
"""So many decided blocks are at hand for replays, and to look up what is cancelled."""
log = logging.getLogger("cheater")


class Crime(NamedTuple):
    """One attempt."""

    height: int
    cheat: Cheat
    block: Sequence[bytes]
    honest: Sequence[bytes]
    """The block that it should have proposed."""

    def record(self) -> dict[str, Any]:
        """As a line of the record. `added`: hashes of what is in the cheating block alone."""
        hashes = [sha256(tx).hexdigest() for tx in self.block]
        usual = frozenset(sha256(tx).hexdigest() for tx in self.honest)
        return {
            "height": self.height,
            "cheat": self.cheat.name,
            "rule": self.cheat.rule,
            "txs": hashes,
            "added": [one for one in hashes if one not in usual],
            "bytes": sum(framed_size(tx) for tx in self.block),
        }


class Cheater(App):
    """An application that proposes, where `wanted` says how, a block that it should not, and accepts that one itself."""

    def __init__(
        self,
        store: ChainStore,
        wiring: Wiring,
        *,
        secret: bytes,
        wanted: Callable[[], Cheat | None],
        note: Callable[[Crime], None],
        **options: Any,
    ) -> None:
        """`secret`: the attacker's key. `wanted` is asked for each proposal, `note` told of each cheating one; `options` are App's."""
        super().__init__(store, wiring, **options)
        self._secret = secret
        self._wanted = wanted
        self._note = note
        self._own: list[bytes] | None = None
        self._decided: dict[int, list[bytes]] = {}

    def prepare_proposal(self, request: abci.RequestPrepareProposal) -> bytes:
        answer = super().prepare_proposal(request)
        self._own = None
        cheat = self._wanted()
        if cheat is None:
            return answer
        honest = list(abci.ResponsePrepareProposal.FromString(answer).txs)
        material = self._material(request, honest)
        block = None if material is None else cheat.make(material)
        # What is larger than the engine allows it would not even propose: it would stop.
        if block is None or sum(framed_size(tx) for tx in block) > request.max_tx_bytes:
            log.info("nothing to cheat with", extra={"height": request.height, "cheat": cheat.name})
            return answer
        self._own = block
        self._note(Crime(request.height, cheat, block, honest))
        log.warning("cheating", extra={"height": request.height, "cheat": cheat.name, "rule": cheat.rule})
        return results.txs_response(block)

    def process_proposal(self, request: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        if self._own is not None and list(request.txs) == self._own:
            return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)
        return super().process_proposal(request)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> bytes:
        answer = super().finalize_block(request)
        self._decided[request.height] = list(request.txs)
        self._decided.pop(request.height - REMEMBERED_BLOCKS, None)
        return answer

    def _material(self, request: abci.RequestPrepareProposal, honest: Sequence[bytes]) -> Material | None:
        """None where the attacker has no account."""
        ctx = Context(self.state, request.height, nanoseconds(request.time), self._chain_id)
        attacker = self._attacker(ctx)
        if attacker is None:
            return None
        before = self._decided.get(request.height - 1, ())
        first = 1 if honest and is_preamble(honest[0]) else 0
        return Material(
            height=request.height,
            seed=seed_of(ctx.chain_id, ctx.height, self._app_hash),
            params=self.wiring.consensus.keeper.params(ctx),
            proposer=request.proposer_address,
            preamble=honest[0] if first else b"",
            commit=request.local_last_commit,
            honest=self._read(honest[first:]),
            old=self._read([raw for height in sorted(self._decided, reverse=True) for raw in self._decided[height]]),
            old_preamble=before[0] if before and is_preamble(before[0]) else b"",
            attacker=attacker,
            decode=self._sources.cache.decoder.decode,
        )

    def _attacker(self, ctx: Context) -> Attacker | None:
        address = address_of_key(public_key_of(self._secret))
        account = self.wiring.auth.keeper.account(ctx, address)
        if account is None:
            return None
        return Attacker(
            secret=self._secret,
            address=address,
            text=addresses.to_text(address),
            number=account.number,
            sequence=account.sequence,
            chain_id=ctx.chain_id,
        )

    def _read(self, raws: Sequence[bytes]) -> list[Tx]:
        """Decoded; preambles are passed over."""
        found = []
        for raw in raws:
            try:
                found.append(self._sources.cache.read(raw))
            except ChainError:
                continue
        return found


def wanted_by(path: Path) -> Cheat | None:
    """The cheat that the control file asks for; None for honesty. Raises Failure for a file or a name that is none."""
    name = files.read_json(path).get("cheat")
    return named(str(name)) if name else None


def append(path: Path, crime: Crime) -> None:
    """One more line in the record."""
    with path.open("a") as handle:
        handle.write(json.dumps(crime.record()) + "\n")


def main(arguments: Sequence[str]) -> int:
    """As `perpd start`, for a node of a localnet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["start"])
    parser.add_argument("--home", type=Path, required=True)
    home: Path = parser.parse_args(arguments).home
    account = next((one for one in Home(home.parent).load().accounts if one.name == ATTACKER), None)
    if account is None:
        raise Failure(f"the localnet has no account {ATTACKER}, which the cheating validator needs.")
    application = partial(
        Cheater,
        secret=secret_key(account.mnemonic),
        wanted=partial(wanted_by, home / CONTROL_FILE),
        note=partial(append, home / RECORD_FILE),
    )
    return service.run(configuration.load(home), application)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
