"""From texts to word vectors: the corpus on disk, phrases in it, threads that learn from it."""
