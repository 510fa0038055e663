/** Runs: a picture, a task and its settings, from the wait to the result. Two are at the server at once, the others wait here. */

import { blob, call, events, json, preview, Problem } from "./api.js";
import { button, make, save } from "./dom.js";
import { duration, text } from "./texts.js";
import { zip } from "./zip.js";

const AT_ONCE = 2; // one is computed, the next has been sent

export class Runs {
  /** `list`: the element to fill. `open(run)`, `reuse(run)`, `take(files)`, `say(text)`, `changed()`. */
  constructor(list, hooks) {
    Object.assign(this, { list, hooks, all: [] });
    addEventListener("pagehide", () => {
      for (const run of this.all) if (run.job && !run.over) call(`/v1/jobs/${run.job.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
    });
    addEventListener("beforeunload", (event) => this.all.some((run) => !run.over) && event.preventDefault());
  }

  /** Begin a run of `task` on `picture`; `values`: of its form, `sent`: what else the request sends. */
  add(task, picture, values, sent = []) {
    const run = { task, picture, values, sent, status: "waiting", over: false, job: null, error: null, shown: null };
    this.row(run);
    this.all.push(run);
    this.list.prepend(run.element);
    this.pump();
    this.hooks.changed();
    return run;
  }

  pump() {
    const active = this.all.filter((run) => !run.over && run.status !== "waiting").length;
    const next = this.all.find((run) => run.status === "waiting");
    if (!next || active >= AT_ONCE) return;
    this.go(next).finally(() => this.pump());
    this.pump();
  }

  async go(run) {
    this.set(run, "sending");
    try {
      const form = new FormData();
      form.append("picture", run.picture.file);
      for (const [name, value] of [...run.values, ...run.sent]) form.append(name, value);
      let job = await this.send(run, form);
      run.job = job;
      if (run.over) return await call(`/v1/jobs/${job.id}`, { method: "DELETE" });
      for await (job of events(job.id)) this.told(run, job);
      if (!run.over) this.told(run, await json(`/v1/jobs/${job.id}`));
      if (!run.over) throw new Problem(0, text("offline"));
    } catch (error) {
      if (run.over) return;
      run.error = error.status === 404 && run.job ? text("gone") : error.message;
      this.end(run, "failed");
    }
  }

  /** The job; comes again where the server's queue is full. */
  async send(run, body) {
    for (;;) {
      try {
        return await json(`/v1/${run.task.name}`, { method: "POST", body, headers: { Prefer: "respond-async" } });
      } catch (error) {
        if (error.status !== 429 || run.over) throw error;
        await new Promise((wake) => setTimeout(wake, 1000 * (error.retry ?? 2)));
      }
    }
  }

  told(run, job) {
    if (run.over) return;
    run.job = job;
    run.error = job.error?.detail ?? null;
    if (["done", "failed", "canceled"].includes(job.status)) this.end(run, job.status);
    else this.set(run, job.status);
  }

  end(run, status) {
    run.over = true;
    this.set(run, status);
    this.hooks.say(text("ended", { name: run.picture.name, status: this.words(run) }));
    this.hooks.changed();
    if (status === "done") this.hooks.done(run);
  }

  cancel(run) {
    if (run.over) return;
    if (run.job) call(`/v1/jobs/${run.job.id}`, { method: "DELETE" }).catch(() => {});
    this.end(run, "canceled");
  }

  remove(run) {
    this.cancel(run);
    if (run.status !== "canceled" && run.job) call(`/v1/jobs/${run.job.id}`, { method: "DELETE" }).catch(() => {});
    if (run.shown) URL.revokeObjectURL(run.shown.url);
    this.all = this.all.filter((each) => each !== run);
    run.element.remove();
    this.hooks.changed(run);
  }

  /** The result as browsers show it. */
  async show(run) {
    return (run.shown ??= await preview(`/v1/jobs/${run.job.id}/preview`));
  }

  /** The result's name: the input's, the task's, and the ending of its format. */
  name(run) {
    const ending = { jpeg: "jpg", tiff: "tif", "x-portable-anymap": "ppm" };
    const kind = run.job.result.media_type.split("/")[1];
    return `${run.picture.name.replace(/\.[^./]+$/, "")}_${run.task.name}.${ending[kind] ?? kind}`;
  }

  file = (run) => blob(`/v1/jobs/${run.job.id}/result`);

  async download(run) {
    await this.tell(async () => save(await this.file(run), this.name(run).split("/").at(-1)));
  }

  async downloadAll() {
    const done = this.all.filter((run) => run.status === "done");
    this.hooks.say(text("packing", { count: done.length }));
    await this.tell(async () => {
      const entries = [];
      for (const run of done) entries.push({ name: unused(this.name(run), entries), blob: await this.file(run) });
      save(await zip(entries), text("zip_name"));
    });
  }

  async takeAsInput(run) {
    await this.tell(async () => this.hooks.take([new File([await this.file(run)], this.name(run).split("/").at(-1))]));
  }

  async tell(action) {
    try {
      await action();
    } catch (error) {
      this.hooks.say(error.status === 404 ? text("gone") : error.message);
    }
  }

  row(run) {
    const { name } = run.picture;
    run.status_ = make("span", { class: "status" });
    run.bar = make("progress", { max: 1, "aria-label": name });
    run.notes = make("p", { class: "notes" });
    run.opener = button(text("open", { name }), () => this.hooks.open(run), { class: "opener" }, make("span", {}, `${name}: ${run.task.name}`));
    run.live = [button(text("cancel"), () => this.cancel(run))];
    run.done = [
      button(text("download"), () => this.download(run)),
      button(text("as_input"), () => this.takeAsInput(run)),
    ];
    const always = [button(text("reuse"), () => this.hooks.reuse(run)), button(text("remove", { name }), () => this.remove(run), { class: "icon" }, "×")];
    run.element = make("li", {}, run.opener, run.status_, run.bar, run.notes, make("span", { class: "group" }, ...run.live, ...run.done, ...always));
    this.set(run, "waiting");
  }

  set(run, status) {
    run.status = status;
    const { job } = run;
    run.element.dataset.status = status;
    run.status_.textContent = this.words(run);
    run.bar.hidden = run.over;
    if (status === "running" && job.progress > 0) run.bar.value = job.progress;
    else run.bar.removeAttribute("value");
    run.opener.disabled = status !== "done";
    for (const each of run.live) each.hidden = run.over;
    for (const each of run.done) each.hidden = status !== "done";
    run.notes.textContent = run.error ?? (job?.notes ?? []).join(" ");
  }

  words({ status, job }) {
    if (status === "queued" && job.position) return text("queued", { count: job.position });
    if (status === "done") return text("done", { time: duration(job.seconds) });
    if (status !== "running") return text(status === "queued" ? "waiting" : status);
    const percent = Math.floor(job.progress * 100);
    return job.seconds_left === null ? text("running", { percent }) : text("left", { percent, time: duration(job.seconds_left) });
  }
}

/** `name`, with a number where an entry has it. */
function unused(name, entries) {
  const [, stem, ending] = name.match(/^(.*)(\.[^.]*)$/);
  let found = name;
  for (let number = 2; entries.some((entry) => entry.name === found); number++) found = `${stem}-${number}${ending}`;
  return found;
}
