"""What lesson 03, SigLIP, asks: one file per exercise."""
