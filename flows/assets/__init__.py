"""Assets: whatever is versioned beside flows, with one history, release and page frame for all."""
