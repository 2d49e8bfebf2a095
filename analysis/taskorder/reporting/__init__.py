"""From posteriors to one document: figures, tables and text, set by Typst."""
