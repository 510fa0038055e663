"""Many pictures at once: jobs, the record of what was made, and what a terminal shows of it."""
