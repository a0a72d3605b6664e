"""From lesson sources to released notebooks, through nbgrader's own converters, and the linter."""
