"""A day in the life of an operator, lived over the API and reckoned by a model of its own."""
