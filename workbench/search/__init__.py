"""Search text in the database: every search of the product folds both sides in one way."""
