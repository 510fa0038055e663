/** Keys, drops and pastes, wherever the focus is. */

import { dropped } from "./pictures.js";

const WRITES = "input:not([type=checkbox], [type=range]), textarea, select, dialog *";
const MOVES = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };

export function shortcuts({ stage, painter, start, add, fail }) {
  const views = { "+": () => stage.step(1), "=": () => stage.step(1), "-": () => stage.step(-1), 0: () => stage.fit(), 1: () => stage.actual() };

  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.preventDefault();
      start();
      return;
    }
    if (event.altKey || event.target.matches(WRITES)) return;
    if (!painter.element.hidden && painter.key(event)) event.preventDefault();
    else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === " " && event.target === stage.element) {
      event.preventDefault();
      stage.panning = true;
    } else if (event.key === "c") stage.hold(true);
    else if (event.key in views) views[event.key]();
    else if (event.target === stage.element && MOVES[event.key]) {
      event.preventDefault();
      stage.move(...MOVES[event.key]);
    }
  });

  addEventListener("keyup", (event) => {
    if (event.key === " ") stage.panning = false;
    if (event.key === "c") stage.hold(false);
  });

  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    dropped(event.dataTransfer).then(add, fail);
  });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) add(files);
  });
}
