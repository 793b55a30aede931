"""What texts and values must not hold, found and masked: plain Python."""
