"""Choose the cutoff of a branch by what it would have meant for real runs."""
