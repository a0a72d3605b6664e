"""What lesson 02, temperature, asks: one file per exercise."""
