/** The tools of the mask: brush, eraser, rectangle, undo and the rest; one mask for each picture. */

import { preview } from "./api.js";
import { button, chooser, make, save } from "./dom.js";
import { LARGEST, Mask } from "./mask.js";
import { text } from "./texts.js";

const TOOLS = { brush: "b", eraser: "e", rectangle: "r", move: "m" };

export class Painter {
  /** `changed()` is called after each change; `find(picture)` gives the scratches' mask as a job's preview; `say(text)`, `fail(error)`. */
  constructor(changed, find, say, fail) {
    Object.assign(this, { changed, say, fail });
    this.masks = new WeakMap();
    this.name = "brush";
    this.size = make("input", { type: "range", min: 1, max: 400, value: 24, "aria-label": text("brush_size"), title: text("brush_size") });
    this.shownSize = make("output", {}, this.size.value);
    this.size.addEventListener("input", () => (this.shownSize.value = this.size.value));
    this.tools = Object.keys(TOOLS).map((name) => button(text(name), () => this.choose(name), { "data-tool": name }));
    const act = (name, action) => button(text(name), () => this.act(action));
    this.scratches = button(text("find_scratches"), () => this.add(() => find(this.picture)));
    this.element = make(
      "div",
      { class: "tools", role: "toolbar", "aria-label": text("mask_tools") },
      make("span", { class: "group" }, ...this.tools),
      make("span", { class: "group" }, this.size, this.shownSize),
      act("undo", (mask) => mask.undo()),
      act("redo", (mask) => mask.redo()),
      act("clear", (mask) => mask.begin({ tool: "clear" })),
      act("invert", (mask) => mask.begin({ tool: "invert" })),
      chooser(text("load_mask"), ([file]) => this.add(() => preview(file, LARGEST)), { "aria-label": text("load_mask") }),
      button(text("save_mask"), async () => this.mask && save(await this.mask.png(), "mask.png")),
      this.scratches,
    );
    this.choose("brush");
  }

  /** The mask of `picture`, which is loaded; null for none. */
  use(picture) {
    this.picture = picture;
    if (picture && !this.masks.has(picture)) this.masks.set(picture, new Mask(picture.shown.width, picture.shown.height));
    this.mask = picture ? this.masks.get(picture) : null;
    return this.mask;
  }

  /** The painted mask of `picture` as a PNG, or null. */
  async of(picture) {
    const mask = this.masks.get(picture);
    return !mask || mask.empty ? null : mask.png();
  }

  tool() {
    return this.name === "move" ? null : { name: this.name, size: Number(this.size.value) };
  }

  choose(name) {
    this.name = name;
    for (const each of this.tools) each.setAttribute("aria-pressed", each.dataset.tool === name);
  }

  resize(factor) {
    const size = Number(this.size.value);
    this.size.value = factor > 1 ? Math.max(size + 1, Math.round(size * factor)) : Math.min(size - 1, Math.round(size * factor));
    this.shownSize.value = this.size.value;
  }

  act(action) {
    if (!this.mask) return;
    action(this.mask);
    this.changed();
  }

  /** Unite the mask with the picture that `get` promises. */
  async add(get) {
    const { mask } = this;
    if (!mask) return this.say(text("no_picture"));
    try {
      const { url } = await get();
      mask.begin(await Mask.stroke(url));
      URL.revokeObjectURL(url);
      this.changed();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Whether `event` is a key of these tools, which is then done. */
  key(event) {
    const letter = event.key.toLowerCase();
    const name = Object.keys(TOOLS).find((each) => TOOLS[each] === letter);
    if (event.ctrlKey || event.metaKey) {
      if (letter === "z") this.act((mask) => (event.shiftKey ? mask.redo() : mask.undo()));
      else if (letter === "y") this.act((mask) => mask.redo());
      else return false;
    } else if (letter === "[") this.resize(0.8);
    else if (letter === "]") this.resize(1.25);
    else if (name) this.choose(name);
    else return false;
    return true;
  }
}
