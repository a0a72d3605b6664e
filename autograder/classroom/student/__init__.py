"""The student's side: what runs in the warmed process and in its forks. No references, no cases, no secrets."""

READY = b"ready"  # what the warmed process says once it has imported everything
