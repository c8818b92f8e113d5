"""A run of several processes on this machine: who starts them, who they are, and who speaks when one fails."""
