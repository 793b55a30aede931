"""What the ledger asks of the clock."""

from datetime import datetime

from workbench.audit.sealing import ENTRIES_A_BLOCK, seal
from workbench.dispatch.clock import clock_task


@clock_task("audit.seal", every_seconds=0.5)
def seal_waiting(now: datetime) -> bool:
    block = seal(now)
    return block is not None and block.size == ENTRIES_A_BLOCK
