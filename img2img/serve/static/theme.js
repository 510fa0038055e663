// Before the first paint, so that nothing flashes; not a module for that reason.
document.documentElement.dataset.theme =
  localStorage.getItem("img2img-theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
