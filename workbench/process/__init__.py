"""The processes that Countersign runs as: serve, worker, clock. Composition: knows every part."""
