"""Content credentials (C2PA): who made a picture of what, signed. Without the extra ``credentials`` nothing of it is imported."""
