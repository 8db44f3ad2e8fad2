"""Rules tried out: on recorded movements, in the shadow of live ones, and on events made up."""
