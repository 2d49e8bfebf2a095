"""What `import taskorder` offers: the commands as functions that return tables, posteriors and figures."""
