"""A model file and a table in; a posterior with its diagnostics out."""
