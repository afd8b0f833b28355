"""The authorization server, and the checks of the tokens that it and others issue."""
