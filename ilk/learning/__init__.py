"""From data to a space: what is usual for such data, the job of learning, who is the best, what is kept."""
