"""What is known about transactions seen before, by hash: decoded form and verified signature. Pure work only; never state."""

from collections import OrderedDict
from hashlib import sha256

from node.tx.envelope import Decoder, Tx

DEFAULT_MAX_COUNT = 20_000
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
DEFAULT_MAX_AGE_BLOCKS = 100


class TxCache:
    """A bounded map from hash to `Tx`, oldest out first. It serves one chain: a `Tx` remembers a signature valid for its chain id."""

    __slots__ = ("_bytes", "_entries", "_generation", "decoder", "max_age_blocks", "max_bytes", "max_count")

    def __init__(
        self,
        decoder: Decoder,
        *,
        max_count: int = DEFAULT_MAX_COUNT,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_age_blocks: int = DEFAULT_MAX_AGE_BLOCKS,
    ) -> None:
        self.decoder = decoder
        self.max_count = max_count
        self.max_bytes = max_bytes
        """Of encoded transactions; with their decoded forms they take several times that."""
        self.max_age_blocks = max_age_blocks
        self._entries: OrderedDict[bytes, tuple[Tx, int]] = OrderedDict()
        self._bytes = 0
        self._generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, raw: bytes) -> Tx | None:
        """The transaction if it was kept before."""
        entry = self._entries.get(sha256(raw).digest())
        return None if entry is None else entry[0]

    def read(self, raw: bytes) -> Tx:
        """The transaction, decoded at most once and kept. Raises ChainError as the decoder does; failures are not kept."""
        entry = self._entries.get(sha256(raw).digest())
        if entry is not None:
            return entry[0]
        tx = self.decoder.decode(raw)
        self.keep(tx)
        return tx

    def keep(self, tx: Tx) -> None:
        """The transaction is found from now on, until it is among the oldest and room is needed, or too old."""
        entries = self._entries
        if tx.hash in entries:
            return
        entries[tx.hash] = (tx, self._generation)
        self._bytes += len(tx.raw)
        while len(entries) > self.max_count or self._bytes > self.max_bytes:
            self._drop_oldest()

    def forget(self, tx_hash: bytes) -> None:
        """The transaction is done with."""
        entry = self._entries.pop(tx_hash, None)
        if entry is not None:
            self._bytes -= len(entry[0].raw)

    def committed(self) -> None:
        """One more block is committed; what was kept longer ago than the maximum age is dropped."""
        self._generation += 1
        oldest = self._generation - self.max_age_blocks
        entries = self._entries
        while entries and next(iter(entries.values()))[1] < oldest:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, (tx, _) = self._entries.popitem(last=False)
        self._bytes -= len(tx.raw)
