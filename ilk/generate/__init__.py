"""New samples from what a run has learnt. One file for each kind of sample."""
