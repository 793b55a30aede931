"""How good decisions are: checks on them, figures about them, datasets made of them."""
