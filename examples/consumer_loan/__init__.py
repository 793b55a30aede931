"""Consumer loan underwriting: a scorecard, rules, documents, a person where it matters."""
