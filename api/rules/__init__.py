"""Routes of the rules: the uniform API of every processor, and what is governed beside it."""
