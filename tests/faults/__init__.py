"""Every verb of the command line, with a fault in its middle: what is left is old or new, never half."""
