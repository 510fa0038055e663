/** One control for each option, chosen by its JSON schema.
 *
 * A field is {element, read, write}. `read()` gives what a request sends: a list of texts and files, empty for the default. `write(list)` is its inverse.
 */

import { make } from "./dom.js";
import { pictureField } from "./picture_field.js";
import { hint, text } from "./texts.js";

let made = 0;

export function field(task, name, about, styles) {
  const kinds = about.anyOf ?? [about];
  const kind = kinds.find((each) => each.type !== "null");
  const label = sentence(about.title ?? name);
  const { words, byDefault } = hint(task, name, about);
  const control = { kind, label, about, words, optional: kinds.length > 1 || about.default === undefined, placeholder: byDefault ?? about.metavar ?? "" };
  if ("picture" === about.format || "picture" === about.items?.format) return pictureField(control, styles);
  if (kind.enum) return choice(control);
  if (kind.type === "boolean") return checkbox(control);
  if (kind.type === "array") return lines(control);
  if (kind.type === "number" || kind.type === "integer") return isShare(control) ? slider(control) : number(control);
  return line(control);
}

/** "Mask Color" -> "Mask color". */
function sentence(title) {
  const spaced = title.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
}

/** `input` under its label, with the words that describe it. */
export function labeled({ label, words }, input, ...others) {
  input.id = `field-${++made}`;
  const row = make("div", { class: "field" }, make("label", { for: input.id }, label), input, ...others);
  if (words) {
    input.setAttribute("aria-describedby", `${input.id}-hint`);
    row.append(make("small", { id: `${input.id}-hint` }, words));
  }
  return row;
}

const simple = (control, input) => ({
  element: labeled(control, input),
  read: () => (input.value === String(control.about.default ?? "") ? [] : [input.value]),
  write: ([value]) => (input.value = value ?? control.about.default ?? ""),
});

function choice(control) {
  const { kind, about, optional, placeholder } = control;
  const select = make("select");
  if (optional) select.append(make("option", { value: "" }, text("by_default", { value: placeholder || text("none_chosen") })));
  select.append(...kind.enum.map((value) => make("option", { value, selected: value === about.default }, value)));
  return simple(control, select);
}

function number(control) {
  const { kind, about, placeholder } = control;
  const limits = { min: kind.minimum ?? kind.exclusiveMinimum, max: kind.maximum, step: kind.type === "integer" ? 1 : "any" };
  return simple(control, make("input", { type: "number", ...limits, placeholder, value: about.default }));
}

function line(control) {
  const { about, placeholder } = control;
  return simple(control, make("input", { type: "text", placeholder, value: about.default, pattern: about.pattern, spellcheck: "false" }));
}

const isShare = ({ kind, optional }) => !optional && kind.type === "number" && kind.minimum === 0 && kind.maximum === 1;

function slider(control) {
  const { about } = control;
  const input = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: about.default });
  const shown = make("output", {}, String(about.default));
  input.addEventListener("input", () => (shown.value = input.value));
  const { read, write } = simple(control, input);
  return {
    element: labeled(control, input, shown),
    read,
    write: (list) => (shown.value = write(list)),
  };
}

function checkbox(control) {
  const input = make("input", { type: "checkbox", checked: control.about.default });
  const element = labeled(control, input);
  element.classList.add("check");
  return {
    element,
    read: () => (input.checked === Boolean(control.about.default) ? [] : [String(input.checked)]),
    write: ([value]) => (input.checked = value === undefined ? Boolean(control.about.default) : value === "true"),
  };
}

function lines(control) {
  const { about, placeholder } = control;
  const input = make("textarea", { rows: 2, placeholder: `${about.metavar ?? placeholder} (${text("several_lines")})`, spellcheck: "false" });
  return {
    element: labeled(control, input),
    read: () => input.value.split("\n").map((each) => each.trim()).filter(Boolean),
    write: (list) => (input.value = list.join("\n")),
  };
}
