"""Decision tables: typed columns, cells in FEEL, hit policies, and what is wrong with a table."""
