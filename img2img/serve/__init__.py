"""``img2img serve``: the browser app and the HTTP API, on the tasks' seam."""
