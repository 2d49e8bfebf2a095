"""The nodes of a plan, trained and scored: in this process, in others, or on a cluster."""
