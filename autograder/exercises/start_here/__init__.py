"""What lesson 00 asks: one file per exercise."""
