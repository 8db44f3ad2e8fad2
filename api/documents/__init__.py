"""Documents of any shape, the products they may be about, and the code lists they use."""
