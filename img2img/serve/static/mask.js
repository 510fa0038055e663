/** A mask that is painted: strokes on a canvas, kept as a list so that each can be undone. */

export const LARGEST = 4096; // pixels a side; the server enlarges

export class Mask {
  /** Of a picture of `width` x `height` pixels; positions are in its pixels. */
  constructor(width, height) {
    this.scale = Math.min(1, LARGEST / Math.max(width, height));
    const sides = { width: Math.max(1, Math.round(width * this.scale)), height: Math.max(1, Math.round(height * this.scale)) };
    this.canvas = Object.assign(document.createElement("canvas"), sides);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.strokes = [];
    this.undone = [];
  }

  get empty() {
    return this.strokes.length === 0;
  }

  /** Begin a stroke: {tool: "brush" | "eraser" | "rectangle", size, points: [[x, y]]}, {tool: "clear" | "invert"} or {tool: "image", image}. */
  begin(stroke) {
    this.strokes.push(stroke);
    this.undone = [];
    this.draw(stroke);
  }

  /** Go on with the last stroke. */
  extend(x, y) {
    const stroke = this.strokes.at(-1);
    if (stroke.tool === "rectangle") {
      stroke.points[1] = [x, y];
      this.redraw();
    } else {
      stroke.points.push([x, y]);
      this.line(stroke, stroke.points.length - 1);
    }
  }

  /** Forget the last stroke. */
  undo(keep = true) {
    const stroke = this.strokes.pop();
    if (stroke && keep) this.undone.push(stroke);
    this.redraw();
  }

  redo() {
    const stroke = this.undone.pop();
    if (!stroke) return;
    this.strokes.push(stroke);
    this.draw(stroke);
  }

  redraw() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const stroke of this.strokes) this.draw(stroke);
  }

  draw({ tool, size, points, image }) {
    const { context, canvas, scale } = this;
    const { width, height } = canvas;
    context.globalCompositeOperation = { eraser: "destination-out", invert: "xor" }[tool] ?? "source-over";
    context.fillStyle = context.strokeStyle = "#f03"; // what is marked; only its alpha counts
    if (tool === "clear") context.clearRect(0, 0, width, height);
    else if (tool === "invert") context.fillRect(0, 0, width, height);
    else if (tool === "image") context.drawImage(image, 0, 0, width, height);
    else if (tool === "rectangle") rectangle(context, points.map((point) => point.map((each) => each * scale)));
    else points.forEach((_, at) => this.line({ tool, size, points }, at));
  }

  /** The part of a stroke that ends at its point `at`. */
  line({ size, points }, at) {
    const [from, to] = [points[Math.max(at - 1, 0)], points[at]].map((point) => point.map((each) => each * this.scale));
    segment(this.context, from, to, Math.max(1, size * this.scale));
  }

  /** White where the picture is to be filled, black elsewhere: 8-bit PNG. */
  async png() {
    const { width, height } = this.canvas;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const image = this.context.getImageData(0, 0, width, height);
    const { data } = image;
    for (let at = 0; at < data.length; at += 4) {
      data[at] = data[at + 1] = data[at + 2] = data[at + 3] > 127 ? 255 : 0;
      data[at + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return new File([await canvas.convertToBlob()], "mask.png", { type: "image/png" });
  }

  /** A stroke that adds what is white in the picture at `url`. */
  static async stroke(url) {
    const bitmap = await createImageBitmap(await (await loaded(url)));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, canvas.width, canvas.height);
    const { data } = image;
    for (let at = 0; at < data.length; at += 4) {
      const white = data[at] > 127 && data[at + 3] > 127;
      [data[at], data[at + 1], data[at + 2], data[at + 3]] = [255, 0, 51, white ? 255 : 0];
    }
    context.putImageData(image, 0, 0);
    return { tool: "image", image: canvas };
  }
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

function rectangle(context, [[x0, y0], [x1, y1] = [x0, y0]]) {
  const [left, top] = [Math.floor(Math.min(x0, x1)), Math.floor(Math.min(y0, y1))];
  context.fillRect(left, top, Math.floor(Math.max(x0, x1)) - left + 1, Math.floor(Math.max(y0, y1)) - top + 1);
}

/** A line of whole pixels where it is thin (a path's edges would be half marked), else a path with round ends.
 *
 * Each by itself, so that drawing a stroke again gives the same pixels as drawing it did.
 */
function segment(context, [x0, y0], [x, y], size) {
  if (size >= 3) {
    context.lineWidth = size;
    context.lineCap = "round";
    context.beginPath();
    if (x === x0 && y === y0) {
      context.arc(x, y, size / 2, 0, 2 * Math.PI); // of a line without length a browser need not draw the ends
      context.fill();
    } else {
      context.moveTo(x0, y0);
      context.lineTo(x, y);
      context.stroke();
    }
    return;
  }
  const side = Math.round(size);
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x - x0), Math.abs(y - y0))));
  for (let step = 0; step <= steps; step++) {
    const at = step / steps;
    context.fillRect(Math.floor(x0 + at * (x - x0) - (side - 1) / 2), Math.floor(y0 + at * (y - y0) - (side - 1) / 2), side, side);
  }
}
