"""A folder of pictures against a reference: figures, a table, JSON, and an HTML page with crops."""
