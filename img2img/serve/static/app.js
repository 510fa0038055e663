/** The page: tabs of the tasks, the pictures, what is shown, and what is run. */

import { call, json, preview, setToken } from "./api.js";
import { button, chooser, make } from "./dom.js";
import { Form } from "./form.js";
import { LARGEST } from "./mask.js";
import { Painter } from "./painter.js";
import { Pictures } from "./pictures.js";
import { Runs } from "./runs.js";
import { shortcuts } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { keys, text } from "./texts.js";

const find = (id) => document.getElementById(id);
const SHOWN = 8000; // milliseconds

let silence;
function say(words) {
  find("status").textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => (find("status").textContent = ""), SHOWN);
}

const fail = (error) => say(error.message);
for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", text(element.dataset.label));

const hold = button(text("hold"), () => {}, { hidden: true });
const tabs = []; // {task, form, tab, panel}
let tab = null;
let run = null; // whose result is shown

const pictures = new Pictures(find("picture-list"), () => {
  run = null;
  show();
});
const painter = new Painter(() => counts(), scratches, say, fail);
const stage = new Stage(find("stage"), { tool: () => painter.tool(), painted: () => counts(), sharper });
const runs = new Runs(find("run-list"), {
  say,
  take: (files) => pictures.add(files),
  open: (chosen) => {
    run = chosen;
    show();
  },
  done: (ended) => {
    if (ended.picture !== pictures.current) return;
    run = ended;
    show();
  },
  reuse: ({ task, values, picture }) => {
    const found = tabs.find((each) => each.task === task);
    found.form.set(values);
    select(found);
    if (pictures.all.includes(picture)) pictures.choose(picture);
  },
  changed: (removed) => {
    if (removed && removed === run) {
      run = null;
      show();
    }
    counts();
  },
});

/** Show the result that is open, or the picture that is chosen. */
async function show() {
  const picture = run?.picture ?? pictures.current;
  painter.element.hidden = !tab?.task.marks || Boolean(run);
  hold.hidden = !run;
  find("empty").hidden = Boolean(picture);
  counts();
  if (!picture) {
    painter.use(null);
    find("caption").textContent = "";
    return stage.clear();
  }
  const [wanted, shownRun] = [picture, run];
  try {
    const before = (picture.shown ??= await preview(picture.file));
    const after = run && (await runs.show(run));
    if (shownRun !== run || wanted !== (run?.picture ?? pictures.current)) return; // another one was chosen meanwhile
    const mask = tab.task.marks && !run ? painter.use(picture) : painter.use(null);
    stage.show({ before, after, mask });
    const { width, height } = after ?? before;
    const named = { name: picture.name, task: run?.task.name, width, height };
    find("caption").textContent = text(run ? "showing_result" : "showing", named);
  } catch (error) {
    if (wanted !== (run?.picture ?? pictures.current)) return;
    stage.clear();
    painter.use(null);
    find("caption").textContent = "";
    say(`${picture.name}: ${error.message}`);
  }
}

/** Fetch the picture that is shown in as many pixels as can be had, once. */
async function sharper(shown) {
  if (shown.size >= LARGEST || shown.asked) return;
  shown.asked = true;
  try {
    if (run?.shown === shown) {
      Object.assign(shown, await preview(`/v1/jobs/${run.job.id}/preview`, LARGEST));
      if (stage.shown === shown) stage.after.src = shown.url;
    } else if (pictures.current?.shown === shown) {
      const { current } = pictures;
      Object.assign(shown, await preview(current.file, LARGEST));
      if (stage.shown === shown) stage.before.src = shown.url;
    }
  } catch (error) {
    fail(error);
  }
}

async function scratches(picture) {
  say(text("finding"));
  const body = new FormData();
  body.append("picture", picture.file);
  body.append("scratches", "true");
  const answer = await call(`/v1/${tab.task.name}/mask`, { method: "POST", body });
  say(text("found_scratches"));
  return { url: URL.createObjectURL(await answer.blob()) };
}

async function start(chosen) {
  if (!chosen.length) return say(text("no_picture"));
  if (!tab.form.valid()) return;
  const { task, form } = tab;
  for (const picture of chosen) {
    const mask = task.marks ? await painter.of(picture) : null;
    runs.add(task, picture, form.values(), mask ? [["mask", mask]] : []);
  }
}

function counts() {
  find("run-all").textContent = text("run_all", { count: pictures.all.length });
  find("run-all").hidden = pictures.all.length < 2;
  find("no-results").hidden = runs.all.length > 0;
  find("result-tools").hidden = !runs.all.some(({ status }) => status === "done");
}

function select(chosen) {
  tab = chosen;
  for (const each of tabs) {
    const on = each === chosen;
    each.tab.setAttribute("aria-selected", on);
    each.tab.tabIndex = on ? 0 : -1;
    each.panel.hidden = !on;
  }
  painter.scratches.hidden = !("scratches" in chosen.task.options.properties);
  find("summary").textContent = chosen.task.summary;
  show();
}

function addTab(task, models, styles) {
  // what is painted takes the place of these options
  const skip = task.marks ? ["mask", "scratches", "invert"] : [];
  const form = new Form(task, models, styles, skip);
  const made = { task, form };
  const name = task.name.charAt(0).toUpperCase() + task.name.slice(1);
  const ids = { id: `tab-${task.name}`, "aria-controls": `panel-${task.name}` };
  made.tab = make("button", { type: "button", role: "tab", ...ids, onclick: () => select(made) }, name);
  const reset = button(text("reset"), () => form.set([]));
  made.panel = make("div", { role: "tabpanel", id: ids["aria-controls"], "aria-labelledby": ids.id, hidden: true }, form.element, reset);
  tabs.push(made);
  find("tabs").append(made.tab);
  find("forms").append(made.panel);
}

function controls() {
  const act = (name, icon, action) => button(text(name), action, icon ? { class: "icon" } : {}, icon);
  const held = (on) => () => stage.hold(on);
  for (const [kind, on] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["blur", false]]) hold.addEventListener(kind, held(on));
  hold.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && stage.hold(true));
  hold.addEventListener("keyup", held(false));
  find("view-tools").append(
    act("zoom_out", "−", () => stage.step(-1)),
    act("zoom_in", "+", () => stage.step(1)),
    act("fit", null, () => stage.fit()),
    act("actual", null, () => stage.actual()),
    hold,
  );
  find("view-tools").after(painter.element);
  const add = (files) => pictures.add(files);
  find("adders").append(chooser(text("add_files"), add, { multiple: true, "aria-label": text("add_files") }));
  find("adders").append(chooser(text("add_folder"), add, { webkitdirectory: true, "aria-label": text("add_folder") }));
  find("run").addEventListener("click", () => start(pictures.current ? [pictures.current] : []));
  find("run-all").addEventListener("click", () => start([...pictures.all]));
  find("result-tools").append(
    button(text("download_all"), () => runs.downloadAll()),
    button(text("clear_results"), () => runs.all.filter((each) => each.over).forEach((each) => runs.remove(each))),
  );
  find("theme").addEventListener("click", () => {
    const { dataset } = document.documentElement;
    dataset.theme = dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("img2img-theme", dataset.theme);
  });
  find("key-list").append(...Object.entries(keys).flatMap(([key, does]) => [make("dt", {}, key), make("dd", {}, does)]));
  find("help").addEventListener("click", () => find("keys").showModal());
  find("tabs").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    select(tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length]);
    tab.tab.focus();
  });
}

async function load() {
  const [{ tasks }, { models }, { styles }] = await Promise.all(["tasks", "models", "styles"].map((name) => json(`/v1/${name}`)));
  for (const task of tasks) addTab(task, models, styles);
  select(tabs[0]);
}

/** Ask for the server's token, then load. */
function ask() {
  const dialog = find("ask");
  const answer = () => {
    setToken(find("token").value);
    begin();
  };
  dialog.querySelector("form").addEventListener("submit", answer, { once: true });
  dialog.showModal();
}

async function begin() {
  try {
    await load();
  } catch (error) {
    if (error.status === 401) ask();
    else fail(error);
  }
  document.documentElement.dataset.ready = "";
}

controls();
counts();
shortcuts({ stage, painter, fail, start: () => start(pictures.current ? [pictures.current] : []), add: (files) => pictures.add(files) });
begin();
