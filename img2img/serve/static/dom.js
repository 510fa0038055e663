/** Makes elements: `properties` that begin with "on" are listeners, others attributes; `false` and `undefined` are left out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A button with a `label`, or with an icon that has one. */
export function button(label, onclick, properties = {}, icon = null) {
  const named = icon === null ? {} : { "aria-label": label, title: label };
  return make("button", { type: "button", ...named, ...properties, onclick }, icon ?? label);
}

/** A button that hands chosen files to `take`. */
export function chooser(label, take, properties = {}) {
  const input = make("input", { type: "file", hidden: true, ...properties });
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  });
  return make("span", { class: "chooser" }, input, button(label, () => input.click()));
}

/** Hands `blob` to the browser's downloads as `name`. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
