"""The test drawer of the editor: try the draft, answer its checkpoints, keep and run tests."""
