/** Every text of the page but those that come from the server. To translate the page, translate this file. */

const texts = {
  title: "img2img",
  tasks: "Tasks",
  help: "Keys",
  docs: "HTTP API",
  theme: "Dark or light",
  settings: "Settings",
  picture_area: "Picture",
  pictures: "Pictures",
  results: "Results",
  add_files: "Add pictures",
  add_folder: "Add a folder",
  drop: "Drop pictures or a folder here, paste one, or choose:",
  no_results: "What you run appears here.",
  run: "Run",
  run_all: "Run for all {count}",
  reset: "Reset settings",
  model: "Model",
  automatic: "automatic",
  which_model: "As the settings need; else {name}.",
  by_default: "default: {value}",
  as_the_input: "as the input",
  choose_picture: "Choose a picture",
  own_style: "Own picture",
  weight: "Weight of {name}",
  several_lines: "one a line",
  none_chosen: "none",
  parameters: "{count} parameters",
  megabytes: "{count} MB",

  mask_tools: "Mask",
  brush: "Brush",
  eraser: "Eraser",
  rectangle: "Rectangle",
  move: "Move",
  brush_size: "Size of the brush",
  undo: "Undo",
  redo: "Redo",
  clear: "Clear",
  invert: "Invert",
  load_mask: "Load mask",
  save_mask: "Save mask",
  find_scratches: "Find scratches",
  finding: "Finding scratches…",
  found_scratches: "The scratches are marked: change the mask as you like, then run.",

  view_tools: "View",
  fit: "Fit",
  actual: "100 %",
  zoom_in: "Zoom in",
  zoom_out: "Zoom out",
  hold: "Hold to see the input",
  compare: "Divider between input and result",
  showing: "{name}, {width} x {height}",
  showing_result: "{name}: {task}, {width} x {height}",

  waiting: "waiting",
  sending: "sending",
  queued: "{count} before it",
  running: "{percent} %",
  left: "{percent} %, {time} left",
  done: "done in {time}",
  failed: "failed",
  canceled: "canceled",
  seconds: "{count} s",
  minutes: "{count} min",
  cancel: "Cancel",
  download: "Download",
  download_all: "Download all",
  reuse: "Use these settings",
  as_input: "Use as input",
  remove: "Remove {name}",
  open: "Show {name}",
  clear_results: "Remove all",
  zip_name: "img2img-results.zip",
  packing: "Packing {count} results…",

  offline: "The server does not answer. Is it still running?",
  unreadable: "The server's answer could not be read.",
  gone: "The server no longer has this job.",
  no_picture: "Add a picture first.",
  token_asked: "This server asks for its token.",
  token: "Token",
  enter: "Enter",
  close: "Close",
  ended: "{name}: {status}",

  keys: {
    "Ctrl + Enter": "run for the picture shown",
    "[ and ]": "smaller and larger brush",
    "B, E, R, M": "brush, eraser, rectangle, move",
    "Ctrl + Z, Ctrl + Shift + Z": "undo and redo a stroke",
    "+, −, 0, 1": "zoom in, out, fit, 100 %",
    "Arrows on the picture": "move it",
    "C, held": "see the input in place of the result",
    "Space, held; two fingers": "drag to move the picture",
    "Wheel; two fingers": "zoom",
  },

  /** In place of the schema's words, which speak of a command line. */
  hints: {
    "inpaint.mask": "White is filled. Paint it on the picture, or load one there.",
    "inpaint.boxes": "Rectangles to fill, in pixels.",
    "stylize.style": "One, or several for a mixture.",
    "stylize.mask": "White is stylized; several: one a style.",
    "stylize.backbone": "",
  },
};

/** The text `name`, with `{...}` filled from `values`. */
export function text(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

export const keys = texts.keys;

/** What is said of an option, and its default where the schema's description ends with one. */
export function hint(task, name, about) {
  const [, words, byDefault] = (about.description ?? "").match(/^(.*?)(?:\s*\[default: (.*)\])?$/s);
  return { words: texts.hints[`${task}.${name}`] ?? words, byDefault };
}

/** `seconds` as people say it. */
export function duration(seconds) {
  if (seconds >= 100) return text("minutes", { count: Math.round(seconds / 60) });
  return text("seconds", { count: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
}
