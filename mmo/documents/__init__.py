"""Documents of any shape: data tables, and whatever else an operator keeps beside the money."""
