"""Code lists: values that forms offer and rules name."""
