"""Simulated controllers: one controller per file, independent of the drivers they test."""
