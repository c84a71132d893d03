"""Tools that write files from the source."""
