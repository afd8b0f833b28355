"""What can be broken on purpose: effects, specifications, the faults in force."""
