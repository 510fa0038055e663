/** The server: requests with its token, errors in its words, events. */

import { text } from "./texts.js";

const KEPT = "img2img-token";
let token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  sessionStorage.setItem(KEPT, token);
  history.replaceState(null, "", location.pathname); // out of the address, so that it is not shown or copied
} else token = sessionStorage.getItem(KEPT);

export function setToken(value) {
  token = value;
  sessionStorage.setItem(KEPT, value);
}

/** What went wrong, in plain words. `retry`: seconds after which to come again, or null. */
export class Problem extends Error {
  constructor(status, detail, retry = null) {
    super(detail);
    Object.assign(this, { status, retry });
  }
}

/** The answer to a request; throws `Problem`. */
export async function call(path, { headers = {}, ...options } = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, text("offline"));
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const retry = answer.headers.get("Retry-After");
  throw new Problem(answer.status, problem.detail ?? text("unreadable"), retry && Number(retry));
}

export const json = async (path, options) => (await call(path, options)).json();
export const blob = async (path, options) => (await call(path, options)).blob();

/** What browsers can show of a picture: `source` is a job's preview path or a file. -> {url, width, height} of the picture itself. */
export async function preview(source, size = 2048) {
  const headers = { "Content-Type": "application/octet-stream" };
  const answer =
    typeof source === "string"
      ? await call(`${source}${source.includes("?") ? "&" : "?"}size=${size}`)
      : await call(`/v1/preview?size=${size}`, { method: "POST", body: source, headers });
  const [width, height] = answer.headers.get("Img2Img-Size").split("x").map(Number);
  return { url: URL.createObjectURL(await answer.blob()), width, height, size };
}

/** Each state of a job until it is over. (`EventSource` cannot send a token.) */
export async function* events(id) {
  const reader = (await call(`/v1/jobs/${id}/events`)).body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (pending + value).split("\n\n");
    pending = parts.pop();
    for (const part of parts) {
      const data = part.match(/^data: (.*)$/m);
      if (data) yield JSON.parse(data[1]);
    }
  }
}
