/** The pictures that were added: chosen, dropped, pasted, or out of a folder. */

import { button, make } from "./dom.js";
import { text } from "./texts.js";

export class Pictures {
  /** `list`: the element to fill. `select(picture or undefined)` is called when another one is to be shown. */
  constructor(list, select) {
    Object.assign(this, { list, select, all: [] });
    this.current = undefined;
  }

  /** Add `files`, and show the first of them. A folder's files keep its path in their names. */
  add(files) {
    const added = files.map((file) => {
      const name = file.path ?? (file.webkitRelativePath || file.name);
      const picture = { file, name, shown: null };
      picture.opener = button(text("open", { name }), () => this.choose(picture), { class: "opener" }, make("span", {}, name));
      const remove = button(text("remove", { name }), () => this.remove(picture), { class: "icon" }, "×");
      picture.element = make("li", {}, picture.opener, remove);
      thumbnail(file).then((canvas) => canvas && picture.opener.prepend(canvas));
      return picture;
    });
    this.all.push(...added);
    this.list.append(...added.map(({ element }) => element));
    if (added.length) this.choose(added[0]);
  }

  choose(picture) {
    this.current = picture;
    for (const { opener } of this.all) opener.removeAttribute("aria-current");
    picture?.opener.setAttribute("aria-current", "true");
    this.select(picture);
  }

  remove(picture) {
    const at = this.all.indexOf(picture);
    this.all.splice(at, 1);
    picture.element.remove();
    if (picture.shown) URL.revokeObjectURL(picture.shown.url);
    const next = this.all[Math.min(at, this.all.length - 1)];
    if (picture === this.current) this.choose(next);
    next?.opener.focus();
  }
}

/** A small canvas of what the browser itself can read; others have a name alone until they are shown. */
async function thumbnail(file) {
  try {
    const bitmap = await createImageBitmap(file, { resizeWidth: 96, resizeQuality: "medium" });
    const canvas = make("canvas", { width: bitmap.width, height: bitmap.height, "aria-hidden": "true" });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return canvas;
  } catch {
    return null;
  }
}

/** The files of a drop, folders opened; hidden files are left out. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    file.path = entry.fullPath.replace(/^\//, "");
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return;
    for (const each of some) await walk(each, found);
  }
}
