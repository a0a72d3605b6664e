"""Interview drills: the place is kept, nothing is here yet. Imported by `course`, imports `autograder`."""
