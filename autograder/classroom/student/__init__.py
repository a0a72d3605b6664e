"""The student's side: what runs in the warmed process and in its forks. No references, no cases, no secrets."""
