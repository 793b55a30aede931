"""Links into a case from a mail or a chat: to decide it, or to answer a question about it."""
