/** The control of an option that is a picture or several: files, built-in styles as thumbnails, or names. */

import { blob } from "./api.js";
import { chooser, make } from "./dom.js";
import { text } from "./texts.js";

export function pictureField({ label, about, words }, styles) {
  const many = about.type === "array";
  const named = about.names === "styles";
  const tiles = make("div", { class: "tiles" });
  const weights = make("div", { class: "weights" });
  const choices = []; // {value: name or File, input, weight}

  function tile(value, shown) {
    const name = value instanceof File ? value.name : value;
    const input = make("input", { type: "checkbox", onchange: () => changed(choice) });
    const choice = { value, name, input, weight: 1 };
    const image = make("img", { alt: "", loading: "lazy" });
    shown().then((found) => (image.src = URL.createObjectURL(found)), () => image.remove());
    choice.element = make("label", { class: "tile" }, input, image, make("span", {}, name));
    choices.push(choice);
    return choice;
  }

  function changed(choice) {
    const most = about.maxItems ?? (many ? Infinity : 1);
    const others = choices.filter((each) => each.input.checked && each !== choice);
    for (const each of others.slice(0, Math.max(0, others.length + 1 - most))) each.input.checked = false;
    const chosen = choices.filter((each) => each.input.checked);
    weights.replaceChildren(...(named && chosen.length > 1 ? chosen.map(weightOf) : []));
  }

  function weightOf(choice) {
    const input = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: choice.weight });
    input.addEventListener("input", () => (choice.weight = Number(input.value)));
    return make("label", {}, text("weight", { name: choice.name }), input);
  }

  function take(files) {
    for (const file of files) {
      const choice = tile(file, async () => file);
      tiles.append(choice.element);
      choice.input.checked = true;
      changed(choice);
    }
  }

  if (named) for (const { name, url } of styles) tiles.append(tile(name, () => blob(url)).element);
  else for (const name of about.names ?? []) tiles.append(tile(name, async () => new Blob()).element);
  const choose = chooser(text(named ? "own_style" : "choose_picture"), take, { multiple: many, accept: "image/*,.tif,.tiff", "aria-label": label });
  const legend = make("legend", {}, label);
  return {
    element: make("fieldset", { class: "field" }, legend, tiles, weights, choose, words ? make("small", {}, words) : ""),
    read() {
      const chosen = choices.filter(({ input }) => input.checked);
      const files = chosen.filter(({ value }) => value instanceof File).map(({ value }) => value);
      const names = chosen.map(({ value, weight }) => {
        const name = value instanceof File ? `@${files.indexOf(value) + 1}` : value;
        return weight === 1 ? name : `${name}:${weight}`;
      });
      return [...files, ...names];
    },
    write(list) {
      for (const file of list.filter((each) => each instanceof File && !choices.some(({ value }) => value === each))) take([file]);
      const files = list.filter((each) => each instanceof File);
      for (const choice of choices) choice.input.checked = files.includes(choice.value);
      for (const each of list.filter((each) => typeof each === "string")) {
        const [, name, weight = 1] = each.match(/^(.*?)(?::([\d.]+))?$/);
        const choice = choices.find(({ value }) => value === (name.startsWith("@") ? files[name.slice(1) - 1] : name));
        if (choice) Object.assign(choice, { weight: Number(weight) }).input.checked = true;
      }
      changed({});
    },
  };
}
