"""The quality of decisions: checks on them, figures about them, datasets made of them."""
