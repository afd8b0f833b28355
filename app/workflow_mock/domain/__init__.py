"""What a workflow is: frozen data and pure functions. Nothing here reads a clock, a file or a socket."""
