"""What a step's output is expected to be, by field: learned, checked, compared. Plain Python."""
