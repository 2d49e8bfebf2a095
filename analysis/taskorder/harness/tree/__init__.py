"""The prefix tree of an experiment, its nodes on disk, and what is asked of those who work on them."""
