"""From what other tools write to a tidy result table: what a file says, and what only the person knows."""
