"""Read models: one module each, with its row, its fold and its reads."""
