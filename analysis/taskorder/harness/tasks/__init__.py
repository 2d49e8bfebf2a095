"""Tasks: their files, the data they name, the examples that are made of these."""
