"""What a person reads and looks at: tables and pictures of runs."""
