"""Who may do what: people, tokens, roles, and who acts."""
