"""A person's own rows beside the catalogue: added, fitted with it, taken back, and what each time changed."""
