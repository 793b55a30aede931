"""People as an admin sees them: their roles and tokens, and how they sign in."""
