"""``python -m course``, where the command itself is not on the PATH."""

from course.cli import main

if __name__ == "__main__":
    main()
