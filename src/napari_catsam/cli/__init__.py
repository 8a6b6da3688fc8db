"""The command line, one file a command; torch is imported when a command needs it."""
