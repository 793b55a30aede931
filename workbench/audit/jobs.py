"""The clock tasks of the ledger: seal it, and tell how often something was refused."""

from datetime import datetime

from workbench.audit.refusals import TASK, record_counted
from workbench.audit.sealing import ENTRIES_A_BLOCK, seal
from workbench.dispatch.clock import clock_task


@clock_task("audit.seal", every_seconds=0.5, title="Seal a ledger entry")
def seal_waiting(now: datetime) -> bool:
    """Seal a block. Return whether it was full, so that more entries may wait."""
    block = seal(now)
    return block is not None and block.size == ENTRIES_A_BLOCK


@clock_task(TASK, every_seconds=15, title="Record how often an act was refused")
def record_counted_refusals(now: datetime) -> bool:
    """Record the counts of spans that ended. Return whether more may have ended."""
    return record_counted(now)
