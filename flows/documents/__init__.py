"""What a document says, and where: plain Python, without a database or a run."""
