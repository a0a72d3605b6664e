"""What lesson 09, SmoothQuant, asks: one file per exercise."""
