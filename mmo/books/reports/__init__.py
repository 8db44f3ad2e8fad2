"""Reports of a day: a module each."""
