"""What can be done to a case. Each function is one transaction with its ledger entry."""
