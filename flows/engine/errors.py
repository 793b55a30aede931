"""Errors of moving a run. Each names the condition."""


class EngineError(Exception):
    """Base of the engine's errors. The message says what to do."""


class WaitAlreadyResolved(EngineError):
    """The wait has already been resolved or cancelled. Nothing was changed."""


class RunNotActive(EngineError):
    """The run has ended, or its state does not permit this. Nothing was changed."""
