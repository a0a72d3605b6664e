"""The student's side: what runs in the warmed process and its forks. No references, cases or secrets."""

READY = b"ready"  # what the warmed process says once it has imported everything
