"""What can be wrong when a run is moved. Each names the condition."""


class EngineError(Exception):
    """Base of the engine's errors; the message says what to do."""


class WaitAlreadyResolved(EngineError):
    """The wait was resolved or cancelled before; nothing was changed."""


class RunNotActive(EngineError):
    """The run has ended or is not in a state for this; nothing was changed."""
