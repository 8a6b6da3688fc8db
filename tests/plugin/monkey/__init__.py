"""A user who does anything at any time, in an order drawn by chance, and a record of what it means."""
