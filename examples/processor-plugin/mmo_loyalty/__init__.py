"""A plug-in for mmo: points for whoever pays."""
