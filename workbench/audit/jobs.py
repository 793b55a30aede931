"""The clock task that seals the ledger."""

from datetime import datetime

from workbench.audit.sealing import ENTRIES_A_BLOCK, seal
from workbench.dispatch.clock import clock_task


@clock_task("audit.seal", every_seconds=0.5, title="Seal a ledger entry")
def seal_waiting(now: datetime) -> bool:
    """Seal a block. Return whether it was full, so that more entries may wait."""
    block = seal(now)
    return block is not None and block.size == ENTRIES_A_BLOCK
