"""What a detector's cells are told: one file a way of speaking (see encoders/_boxes)."""
