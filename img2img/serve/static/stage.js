/** The view of a picture: zoom, pan, the divider between input and result, and a mask to paint on. */

import { make } from "./dom.js";
import { text } from "./texts.js";

const MOST = 64; // CSS pixels for one of the picture
const STEP = 1.25;

export class Stage {
  /** `tool()`: {name, size} to paint with, or null. `painted()` is called when a stroke has ended. */
  constructor(element, { tool, painted, sharper }) {
    Object.assign(this, { element, tool, painted, sharper });
    this.before = make("img", { alt: "", draggable: "false" });
    this.after = make("img", { alt: "", draggable: "false", class: "after" });
    this.divider = make("div", { class: "divider", role: "slider", tabindex: 0, "aria-label": text("compare"), "aria-valuemin": 0, "aria-valuemax": 100 });
    this.cursor = make("div", { class: "cursor" });
    this.world = make("div", { class: "world", hidden: true }, this.before, this.after, this.divider, this.cursor);
    element.append(this.world);
    this.pointers = new Map();
    this.share = 50;
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) {
      element.addEventListener(kind, (event) => this[kind](event));
    }
    this.divider.addEventListener("keydown", (event) => this.slide(event));
    new ResizeObserver(() => this.fitted && this.fit()).observe(element);
  }

  /** Show `before`, or `after` beside it: {url, width, height, size}; with `mask`, it may be painted on. */
  show({ before, after = null, mask = null, keep = false }) {
    const main = after ?? before;
    this.mask?.canvas.remove();
    Object.assign(this, { width: main.width, height: main.height, mask, shown: main, stroke: false });
    this.before.src = before.url;
    this.after.hidden = this.divider.hidden = !after;
    if (after) this.after.src = after.url;
    if (mask) this.after.after(mask.canvas);
    this.cursor.hidden = true;
    Object.assign(this.world.style, { width: `${this.width}px`, height: `${this.height}px` });
    this.world.hidden = false;
    this.divide(50);
    if (!keep) this.fit();
  }

  clear() {
    this.mask?.canvas.remove();
    this.mask = null;
    this.world.hidden = true;
  }

  /** The input in place of the result, while `on`. */
  hold(on) {
    this.world.classList.toggle("held", on);
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    if (this.world.hidden || !clientWidth) return;
    const scale = Math.min(clientWidth / this.width, clientHeight / this.height, Math.max(1, 320 / this.width));
    this.place((clientWidth - this.width * scale) / 2, (clientHeight - this.height * scale) / 2, scale);
    this.fitted = true;
  }

  /** One pixel of the picture on one of the screen, about its middle. */
  actual() {
    this.zoom(1 / devicePixelRatio / this.scale);
  }

  /** `factor` times as large; what lies at (x, y) of the view stays there. */
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    const least = Math.min(0.02, this.scale);
    const scale = Math.min(MOST, Math.max(least, this.scale * factor));
    const ratio = scale / this.scale;
    this.place(x - (x - this.x) * ratio, y - (y - this.y) * ratio, scale);
  }

  step(direction) {
    this.zoom(STEP ** direction);
  }

  move(dx, dy) {
    this.place(this.x + dx, this.y + dy, this.scale);
  }

  place(x, y, scale) {
    Object.assign(this, { x, y, scale, fitted: false });
    this.world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.world.style.setProperty("--scale", scale);
    this.world.classList.toggle("pixels", scale * devicePixelRatio >= 2);
    const wanted = Math.max(this.width, this.height) * Math.min(1, scale * devicePixelRatio);
    if (wanted > this.shown.size * 1.2) this.sharper(this.shown);
  }

  divide(share) {
    this.share = Math.min(100, Math.max(0, share));
    this.world.style.setProperty("--share", `${this.share}%`);
    this.divider.setAttribute("aria-valuenow", Math.round(this.share));
  }

  slide(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -100, End: 100 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.divide(this.share + by);
  }

  wheel(event) {
    if (this.world.hidden) return;
    event.preventDefault();
    const { x, y } = this.local(event);
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
  }

  /** Where a pointer is in the view, and in the picture's pixels. */
  local(event) {
    const box = this.element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return { x, y, at: [(x - this.x) / this.scale, (y - this.y) / this.scale] };
  }

  pointerdown(event) {
    if (this.world.hidden || event.button > 1) return;
    this.pointers.set(event.pointerId, this.local(event));
    this.element.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) {
      if (this.stroke) this.mask.undo(false); // the first finger of two has not meant to paint
      this.stroke = false;
    } else if (event.target === this.divider) this.dividing = true;
    else if (this.mask && this.tool() && event.button === 0 && !this.panning && this.pointers.size === 1) {
      const { name, size } = this.tool();
      this.stroke = true;
      this.mask.begin({ tool: name, size, points: [this.local(event).at] });
    }
  }

  pointermove(event) {
    if (this.world.hidden) return;
    const now = this.local(event);
    this.aim(event, now);
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    this.pointers.set(event.pointerId, now);
    if (this.dividing) this.divide((now.at[0] / this.width) * 100);
    else if (this.stroke) this.mask.extend(...now.at);
    else if (this.pointers.size === 2) this.pinch(event.pointerId, last, now);
    else this.move(now.x - last.x, now.y - last.y);
  }

  pinch(id, last, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const distance = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    this.move((now.x - last.x) / 2, (now.y - last.y) / 2);
    this.zoom(distance(now) / distance(last), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  pointerup(event) {
    this.pointers.delete(event.pointerId);
    if (this.stroke) this.painted();
    this.stroke = this.dividing = false;
  }

  pointercancel(event) {
    this.pointerup(event);
  }

  pointerleave() {
    this.cursor.hidden = true;
  }

  /** The outline of the brush under the pointer. */
  aim(event, { at }) {
    const tool = this.mask && event.pointerType !== "touch" && this.tool();
    this.cursor.hidden = !tool || tool.name === "rectangle";
    if (this.cursor.hidden) return;
    const size = Math.max(tool.size, 1);
    Object.assign(this.cursor.style, { left: `${at[0] - size / 2}px`, top: `${at[1] - size / 2}px`, width: `${size}px`, height: `${size}px` });
  }
}
