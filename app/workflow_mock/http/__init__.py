"""What every plane says in HTTP; knows no plane and no state."""
