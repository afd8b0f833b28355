"""The documented plane: HTTP in, HTTP out."""
