"""Moderators that an experiment measures itself."""
