"""One module per migration, each beside the SQL it runs."""
