"""One test per case of the threat catalogue, named by its id."""
