"""The socket: connections, HTTP/1.1 on them, and the server's start and end. It knows HTTP, and no plane."""
