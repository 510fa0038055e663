"""What training reads: pictures, crops, degradations and the order they come in."""
