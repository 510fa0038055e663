/** The form of a task, made of the schema of its options, so that a new task needs no line here. */

import { make } from "./dom.js";
import { field, labeled } from "./fields.js";
import { text } from "./texts.js";

export class Form {
  /** `task`: of /v1/tasks. `models`, `styles`: of /v1/models, /v1/styles. `skip`: options that the page has another control for. */
  constructor(task, models, styles, skip = []) {
    this.task = task;
    this.fields = {};
    this.models = models.filter((model) => model.task === task.name);
    this.element = make("form", { "aria-label": text("settings"), onsubmit: (event) => event.preventDefault() }, this.modelField());
    const properties = { ...task.options.properties, ...task.common };
    const panels = Map.groupBy(
      Object.entries(properties).filter(([name]) => name !== "model" && !skip.includes(name)),
      ([, about]) => about.panel ?? "",
    );
    let open = true; // the first panel; others are for those who look for them
    for (const [panel, entries] of panels) {
      const fields = entries.map(([name, about]) => {
        this.fields[name] = field(task.name, name, about, styles);
        return this.fields[name].element;
      });
      if (panel) this.element.append(make("details", { open }, make("summary", {}, panel), ...fields));
      else this.element.append(...fields);
      open = false;
    }
    this.showModel();
  }

  modelField() {
    const byDefault = this.models.length > 1 ? this.task.default_model : null;
    const select = make("select", {}, ...(byDefault ? [make("option", { value: "" }, text("automatic"))] : []));
    select.append(...this.models.map(({ name }) => make("option", { value: name }, name)));
    const about = make("small", { class: "model" });
    const show = () => {
      const model = this.models.find(({ name }) => name === (select.value || byDefault));
      const size = [
        model?.parameters && text("parameters", { count: model.parameters.toLocaleString() }),
        model?.megabytes && text("megabytes", { count: model.megabytes.toFixed(1) }),
        model?.license,
      ];
      // of models that go one way, or into one class, nothing can be chosen
      for (const [name, choices] of [["direction", "directions"], ["to", "classes"]]) {
        if (name in this.fields) this.fields[name].element.hidden = (model?.[choices] ?? []).length < 2;
      }
      const which = select.value ? "" : text("which_model", { name: byDefault });
      about.textContent = [which, model?.description, size.filter(Boolean).join(", ")].filter(Boolean).join(" ");
    };
    select.addEventListener("change", show);
    this.fields.model = {
      read: () => (select.value ? [select.value] : []),
      write: ([value]) => {
        if (value) select.value = value;
        else select.selectedIndex = 0;
        show();
      },
    };
    this.showModel = show;
    const element = labeled({ label: text("model") }, select, about);
    element.hidden = !this.models.length;
    return element;
  }

  /** Whether all that was typed can be sent; the browser shows what cannot. */
  valid() {
    return this.element.reportValidity();
  }

  /** [[name, text or file], ...] of all that is not the default. */
  values() {
    const fields = Object.entries(this.fields).filter(([, { element }]) => !element?.hidden);
    return fields.flatMap(([name, { read }]) => read().map((value) => [name, value]));
  }

  /** The inverse of `values`. */
  set(values) {
    for (const [name, { write }] of Object.entries(this.fields)) write(values.filter(([key]) => key === name).map(([, value]) => value));
  }
}
