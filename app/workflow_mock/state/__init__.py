"""What lives between requests. Each thing kept has a bound."""
