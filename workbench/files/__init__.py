"""Where files are kept: in a folder or in an S3-compatible store, encrypted by choice."""
