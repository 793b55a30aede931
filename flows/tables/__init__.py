"""Decision tables with the semantics of DMN: plain Python."""
