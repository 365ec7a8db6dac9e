"""Files that are damaged in every way: each reader says what is wrong, or reads what is left."""
