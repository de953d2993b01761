"""The client for programs: one core without I/O, and two ways to wait for it."""
