"""What a space holds: groups, oddities, a map, and what its vectors know. Pure functions on arrays first."""
