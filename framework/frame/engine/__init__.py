"""The engine: builds what a config says, trains it through any strategy, and keeps the run folder."""
