"""Tidy result tables: what they hold, how they are read and checked, and the catalogue of published ones."""
