"""What a client can meet, each as one plain sentence."""

from node.failure import Failure


class RequestFailedError(Failure):
    """A node refused a call, or none answered. `status` is the gRPC status name, such as NOT_FOUND."""

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class TxFailedError(Failure):
    """A transaction was refused by the check (height 0) or failed in a block."""

    def __init__(self, *, tx_hash: str, height: int, code: int, codespace: str, log: str) -> None:
        where = f"failed in block {height}" if height else "was refused"
        super().__init__(f"transaction {tx_hash[:16]}… {where}: {codespace}/{code} {log}")
        self.tx_hash = tx_hash
        self.height = height
        self.code = code
        self.codespace = codespace
        self.log = log
