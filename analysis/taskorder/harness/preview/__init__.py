"""A plan for a person who has not yet decided to run it."""
