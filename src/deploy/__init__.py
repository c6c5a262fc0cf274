"""From a checkpoint to files that edge runtimes read."""
