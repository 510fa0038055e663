"""Object storage through fsspec, beside the paths of disks."""
