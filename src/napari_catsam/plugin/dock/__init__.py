"""The dock as a whole: how it is laid out, its Qt parts, its groups, and what they say."""
