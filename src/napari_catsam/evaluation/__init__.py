"""How good the masks are: metrics, and their evaluation over labelled images."""
