"""Sampling, the one asynchronous step: teachers, the scheduler that feeds them, and what tells reasoning from response."""
